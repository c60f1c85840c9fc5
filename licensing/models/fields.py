"""Amounts: US dollars and rupees with two decimals, quantities with three, none below zero."""

from decimal import Decimal
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    def __init__(self, **options: Any) -> None:
        defaults = {"max_digits": 15, "decimal_places": 2, "default": Decimal(0)}
        super().__init__(**{**defaults, "validators": [MinValueValidator(0)], **options})


class QuantityField(models.DecimalField):  # type: ignore[type-arg]
    def __init__(self, **options: Any) -> None:
        defaults = {"max_digits": 15, "decimal_places": 3, "default": Decimal(0)}
        super().__init__(**{**defaults, "validators": [MinValueValidator(0)], **options})


def none_negative(name: str, *fields: str) -> models.CheckConstraint:
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__gte": 0})
    return models.CheckConstraint(condition=condition, name=name)

"""Ids as callers send them: a row's number that a database can hold, and nothing else."""

from typing import Any

from rest_framework import serializers

LARGEST_ID = 2**63 - 1


class IdField(serializers.IntegerField):
    """An id as a JSON number or its digits; not true, not 1.5."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1, "max_value": LARGEST_ID, **options})

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool | float):
            self.fail("invalid")
        return super().to_internal_value(data)


def read_id(text: str) -> int | None:
    """The id that these digits are; None where they are none."""
    is_short = len(text) <= len(str(LARGEST_ID))  # Python refuses to read thousands of digits
    number = int(text) if is_short and text.isascii() and text.isdigit() else None
    return number if number is not None and number <= LARGEST_ID else None

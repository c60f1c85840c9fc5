"""How licences look: the state that gives a badge its colour and shape, and amounts."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ims.web.templatetags.ims import MISSING
from licensing.models import BOERow, License, TransactionType

register = template.Library()
SOON = 30  # days before the expiry from which it is amber


@register.filter
def licence_state(licence: License, today: date) -> str:
    """fail (overdrawn), wait (expired, null or not active), retry (expires soon) or ok."""
    if licence.overdrawn_cif:
        return "fail"
    if is_expired(licence, today) or licence.is_null or not licence.is_active:
        return "wait"
    return "retry" if days_left(licence, today) <= SOON else "ok"


@register.filter
def licence_words(licence: License, today: date) -> str:
    if licence.overdrawn_cif:
        return _("Overdrawn")
    if is_expired(licence, today):
        return _("Expired")
    if not licence.is_active:
        return _("Not active")
    if licence.is_null:
        return _("Null")
    left = days_left(licence, today)
    if left == 0:
        return _("Expires today")
    if left > SOON:
        return _("Usable")
    return ngettext("%(n)s day left", "%(n)s days left", left) % {"n": left}


@register.filter
def usd(amount: Any) -> str:
    """An amount with its cents: '12,345.60'."""
    return MISSING if amount is None or amount == "" else f"{Decimal(amount):,.2f}"


@register.filter
def qty(quantity: Any) -> str:
    """A quantity without empty decimals: '1,250.5'."""
    if quantity is None or quantity == "":
        return MISSING
    text = f"{Decimal(quantity):,.3f}"
    return text.rstrip("0").rstrip(".")


@register.filter
def qty_in(quantity: Any, unit: str) -> str:
    """'1,250.5 kg'."""
    return f"{qty(quantity)} {unit}".strip()


@register.filter
def licences_of(rows: Iterable[Any]) -> list[License]:
    """The licences whose items these rows take from, each once."""
    return list(dict.fromkeys(row.item.license for row in rows))


@register.filter
def unit_of(rows: Iterable[Any]) -> str:
    """The unit of the items that these rows take from; nothing where they have several."""
    units = {row.item.unit for row in rows}
    return units.pop() if len(units) == 1 else ""


@register.filter
def debited_usd(rows: Iterable[BOERow]) -> Decimal:
    """What customs debited by these rows together (USD)."""
    return sum((row.cif_fc for row in rows if row.transaction_type == TransactionType.DEBIT), Decimal(0))


def is_expired(licence: License, today: date) -> bool:
    return licence.is_expired if licence.expiry_date is None else licence.expiry_date < today


def days_left(licence: License, today: date) -> int:
    return (licence.expiry_date - today).days if licence.expiry_date else 10**6

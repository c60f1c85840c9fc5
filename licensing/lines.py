"""What is asked of import items, and why it is refused."""

from dataclasses import dataclass
from decimal import Decimal

from ims.lib import refusals
from licensing.models import TransactionType


class Refused(refusals.Refused):
    """What was asked for exceeds what there is, or is impossible; `field` is where to correct it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("invalid", message, field)


@dataclass(frozen=True)
class Line:
    """So much of an import item: quantity in its unit, CIF in US dollars."""

    item_id: int
    qty: Decimal
    cif_fc: Decimal
    transaction_type: str = TransactionType.DEBIT
    cif_inr: Decimal | None = None

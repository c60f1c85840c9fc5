"""What all sheets of licences share."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from ims.accounts.models import User
from ims.imports.report import Report
from ims.imports.rows import Row
from ims.imports.writing import RowKind, TooMuch
from ims.lib.sheets import Limits
from licensing import ledger
from licensing.balances_sql import FigureTooLarge


class LedgerSheet(RowKind):
    """Rows of the ledger: the licences' figures follow each batch, and must be able to hold it."""

    limits = Limits(file_bytes=10_000_000, unpacked_bytes=200_000_000, rows=20_000, columns=100)
    lock = 0x4C494D50
    quantity: ClassVar[str]  # the column of quantities

    def keep(self, rows: Sequence[Row], report: Report, user: User | None) -> None:
        try:
            with ledger.changes(user) as block:
                self.enter(rows, report, block)
        except FigureTooLarge as error:
            column = self.quantity if error.field == "quantity" else error.field
            raise TooMuch(column, f"With this row: {error}") from error

    @abstractmethod
    def enter(self, rows: Sequence[Row], report: Report, block: ledger.Changes) -> None:
        """Write these rows as one block of changes."""

"""What an import does, or would do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ims.imports.rows import Row, RowError

SHOWN = 200  # errors and changes
LONGEST = 100  # characters of a value


@dataclass
class Report:
    """Counts of rows, and the first of what is to be told about them."""

    total: int = 0  # rows
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0  # rows left out
    errors: list[RowError] = field(default_factory=list)  # the first of them
    changes: list[str] = field(default_factory=list)  # the first of them, 'row 3: L-1: port A → B'

    def refuse(self, errors: Sequence[RowError]) -> None:
        self.bad += 1
        self.errors += errors[: SHOWN - len(self.errors)]

    def tell_new(self, row: Row, name: str) -> None:
        self.new += 1
        self._tell(row, f"{name}: new")

    def tell(self, row: Row, name: str, differing: dict[str, tuple[Any, Any]]) -> None:
        """A row that is known already, with what it changes."""
        if not differing:
            self.unchanged += 1
            return
        self.changed += 1
        words = ", ".join(f"{key} {shown(old)} → {shown(new)}" for key, (old, new) in differing.items())
        self._tell(row, f"{name}: {words}")

    def _tell(self, row: Row, words: str) -> None:
        if len(self.changes) < SHOWN:
            self.changes.append(f"row {row.number}: {words}")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Report":
        return cls(**{**told, "errors": [RowError(**error) for error in told["errors"]]})


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None or value == "" else str(value)[:LONGEST]

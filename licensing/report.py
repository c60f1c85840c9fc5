"""What a sync found: the first changes of each kind, totals, what is overdrawn and what failed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from licensing.balances_sql import Differences, ItemChange, LicenceChange

SHOWN = 10  # changes of each kind
SHOWN_ERRORS = 200
KINDS = {
    "balance_cif": "Balance (USD)",
    "overdrawn_cif": "Overdrawn (USD)",
    "is_null": "Null",
    "is_expired": "Expired",
    "available_quantity": "Available quantity of items",
    "available_value": "Available value of items (USD)",
    "debited_quantity": "Debited quantity of items",
    "debited_value": "Debited value of items (USD)",
    "allotted_quantity": "Allotted quantity of items",
    "allotted_value": "Allotted value of items (USD)",
}


class SomeFailed(Exception):
    """Licences could not be worked out; the others were."""

    permanent = True


@dataclass
class Report:
    dry: bool = False
    items: bool = True
    total: int = 0  # licences to look at
    checked: int = 0
    licences: int = 0  # rows of licences that were changed, or would be
    item_rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)  # changes by kind
    shown: dict[str, list[str]] = field(default_factory=dict)
    moved_overdrawn: dict[str, Decimal] = field(default_factory=dict)  # of changed licences, by number
    overdrawn: list[str] = field(default_factory=list)  # the worst of them
    overdrawn_count: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    stopped: bool = False

    def add(self, checked: int, found: Differences) -> None:
        self.checked += checked
        self.licences += len(found.licences)
        self.item_rows += len(found.items)
        for licence in found.licences:
            if licence.old.overdrawn_cif != licence.new.overdrawn_cif:
                self.moved_overdrawn[licence.number] = licence.new.overdrawn_cif
        changes: list[LicenceChange | ItemChange] = [*found.licences, *found.items]
        for change in changes:
            for kind, words in described(change):
                self.counts[kind] += 1
                if self.counts[kind] <= SHOWN:
                    self.shown.setdefault(kind, []).append(words)

    def fail(self, number: str, reason: str) -> None:
        self.checked += 1
        self.failed += 1
        if len(self.errors) < SHOWN_ERRORS:
            self.errors.append(f"{number}: {reason.strip().splitlines()[0] if reason.strip() else 'unknown'}")

    def tell_overdrawn(self, stored: Iterable[tuple[str, Decimal]]) -> None:
        """Which licences are overdrawn after this; of a dry run, which would be."""
        amounts = {**dict(stored), **self.moved_overdrawn}
        worst = sorted((-amount, number) for number, amount in amounts.items() if amount > 0)
        self.overdrawn_count = len(worst)
        self.overdrawn = [f"{number}: {-amount:,.2f} USD" for amount, number in worst[:SHOWN]]

    def raise_errors(self) -> None:
        if self.failed:
            raise SomeFailed(self.error)

    @property
    def error(self) -> str:
        """One sentence; nothing where nothing failed."""
        if not self.failed:
            return ""
        licences = "1 licence" if self.failed == 1 else f"{self.failed:,} licences"
        return f"{licences} could not be worked out and kept the old figures: {'; '.join(self.errors[:5])}"

    @property
    def output(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """As the command prints it."""
        for kind, title in KINDS.items():
            if self.counts[kind]:
                yield f"{title}: {self.counts[kind]:,} {'to change' if self.dry else 'changed'}"
                yield from (f"  {words}" for words in self.shown[kind])
                if (more := self.counts[kind] - len(self.shown[kind])) > 0:
                    yield f"  … and {more:,} more"
        if self.overdrawn_count:
            yield f"Overdrawn licences: {self.overdrawn_count:,}"
            yield from (f"  {words}" for words in self.overdrawn)
        if self.errors:
            yield f"Failed: {self.failed:,}"
            yield from (f"  {words}" for words in self.errors)
        yield self.summary

    @property
    def summary(self) -> str:
        done = "Dry run, nothing was written" if self.dry else "Stopped" if self.stopped else "Done"
        changes = f"{self.licences:,} licences and {self.item_rows:,} items"
        verb = "would change" if self.dry else "changed"
        return f"{done}: {self.checked:,} licences checked, {changes} {verb}, {self.failed:,} failed."

    def as_json(self) -> dict[str, Any]:
        return {
            "checked": self.checked,
            "licences": self.licences,
            "items": self.item_rows,
            "failed": self.failed,
            "stopped": self.stopped,
            "overdrawn": self.overdrawn,
            "overdrawn_count": self.overdrawn_count,
            "errors": self.errors,
            "changes": [
                {"title": title, "count": self.counts[kind], "lines": self.shown[kind]}
                for kind, title in KINDS.items()
                if self.counts[kind]
            ],
        }


def described(change: LicenceChange | ItemChange) -> Iterator[tuple[str, str]]:
    """Each figure that differs, as (kind, 'L-1: 100.00 → 90.00')."""
    name = change.number if isinstance(change, LicenceChange) else f"{change.number} item {change.serial}"
    before, after = change.old._asdict(), change.new._asdict()
    for kind, new in after.items():
        old = before[kind]
        if old != new:
            yield kind, f"{name}: {shown(kind, old)} → {shown(kind, new)}"


def shown(kind: str, figure: Decimal | bool) -> str:
    if isinstance(figure, bool):
        return "yes" if figure else "no"
    return f"{figure:,.3f}" if kind.endswith("quantity") else f"{figure:,.2f}"

"""A price request from its file to its result: read, price, write. Nothing here knows of tasks or users."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.utils.timezone import now

from crossdock import request_sheets, result_sheets
from crossdock.models import Stage
from crossdock.pricing import VIEW, Pricer
from crossdock.request_sheets import Line
from crossdock.spool import Spool
from ims.lib.sheets import SheetError

BATCH = 1_000  # rows
SHARES = {  # percent of the whole that each stage takes, by where prices come from
    VIEW: {Stage.READING: 25, Stage.PRICING: 40, Stage.WRITING: 35},
    "query": {Stage.READING: 3, Stage.PRICING: 92, Stage.WRITING: 5},
}


@dataclass
class Counts:
    """How far a price request is."""

    source: str = ""
    source_reason: str = ""
    rows_total: int | None = None
    rows_done: int = 0
    rows_failed: int = 0
    rows_matched: int = 0
    stage: str = ""
    percent: int = 0
    timings: dict[str, float] = field(default_factory=dict)


class Watcher:
    """Hears how far it is; may raise to stop it. This one only listens."""

    def hear(self, counts: Counts) -> None:
        pass


def process(source: Path, name: str, group: str, target: Path, watcher: Watcher | None = None) -> Counts:
    """Read a request, price it and write the result to `target`. SheetError: what its owner can mend."""
    return Process(group, now(), watcher or Watcher()).run(source, name, target)


class Process:
    def __init__(self, group: str, at: datetime, watcher: Watcher) -> None:
        self.pricer = Pricer(group, at)
        if not self.pricer.suppliers:
            raise SheetError(f"The group “{group}” has no suppliers: choose another, or add suppliers to it.")
        self.watcher = watcher
        self.counts = Counts()

    def run(self, source: Path, name: str, target: Path) -> Counts:
        with Spool() as lines, Spool() as priced, Spool() as failed:
            with self.stage(Stage.READING):
                self.read(source, name, lines, failed)
            with self.stage(Stage.PRICING):
                self.price(lines, priced)
            with self.stage(Stage.WRITING):
                self.write(priced, failed, target)
        return self.counts

    def read(self, source: Path, name: str, lines: Spool, failed: Spool) -> None:
        _, found = request_sheets.read(source, name, self.tell)
        for some in batches(found):
            lines.add([(line.number, line.brand, line.article) for line in some if not line.problem])
            failed.add([result_sheets.failed_cells(line) for line in some if line.problem])
        self.counts.rows_failed = failed.rows
        self.counts.rows_total = lines.rows + failed.rows

    def price(self, lines: Spool, priced: Spool) -> None:
        for rows in lines.batches():
            some = [Line(*row) for row in rows]
            parts = [self.pricer.part(line.brand, line.article) for line in some]
            best = self.pricer.best(parts, lambda: self.tell(self.counts.rows_done, lines.rows))
            priced.add(
                [
                    result_sheets.priced_cells(line, best.get(part, []))
                    for line, part in zip(some, parts, strict=True)
                ]
            )
            self.counts.rows_done += len(some)
            self.counts.rows_matched += sum(part in best for part in parts)
            self.tell(self.counts.rows_done, lines.rows)

    def write(self, priced: Spool, failed: Spool, target: Path) -> None:
        result_sheets.write(
            target,
            self.told(priced),
            (cells for some in failed.batches() for cells in some),
            with_failed=failed.rows > 0,
        )

    def told(self, priced: Spool) -> Iterator[result_sheets.Cells]:
        written = 0
        for some in priced.batches():
            yield from some
            written += len(some)
            self.tell(written, priced.rows)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        started = time.monotonic()
        self.counts.stage = stage.value
        self.tell(0, 1)
        yield
        self.counts.timings[stage.value] = round(time.monotonic() - started, 2)

    def tell(self, done: int, total: int) -> None:
        counts = self.counts
        counts.source, counts.source_reason = self.pricer.source, self.pricer.reason
        shares = SHARES[counts.source]
        before = sum(shares[stage] for stage in Stage if stage.value in counts.timings)
        share = min(1.0, done / total) if total else 1.0
        counts.percent = max(counts.percent, min(99, int(before + shares[Stage(counts.stage)] * share)))
        self.watcher.hear(counts)


def batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while some := list(islice(lines, BATCH)):
        yield some

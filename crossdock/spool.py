"""Rows that lie on the disk between two stages, so that memory stays flat."""

import json
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any


class Spool:
    """Batches of rows in a file without a name: nothing is left behind, however the worker ends."""

    def __init__(self) -> None:
        self.file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by __exit__
        self.rows = 0

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def add(self, rows: Sequence[Any]) -> None:
        if rows:
            self.file.write(json.dumps(rows, ensure_ascii=True) + "\n")
            self.rows += len(rows)

    def batches(self) -> Iterator[list[Any]]:
        self.file.seek(0)
        for line in self.file:
            yield json.loads(line)

"""Price requests and results for the tests, as files."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from django.db import connection
from openpyxl import load_workbook

from crossdock.models import CrossDockTask
from ims.lib.sheets import write_xlsx

HEADINGS = ("Бренд", "Артикул")


def request_file(
    *rows: Sequence[object], headings: Sequence[str] = HEADINGS, name: str = "parts.xlsx"
) -> BytesIO:
    file = BytesIO()
    write_xlsx(file, headings, rows)
    file.seek(0)
    file.name = name
    return file


class Watched(BytesIO):
    """A file that remembers in how many transactions it was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.depths: set[int] = set()

    def read(self, *size: int) -> bytes:
        self.depths.add(len(connection.savepoint_ids))
        return super().read(*size)


def many_rows(count: int) -> Iterable[tuple[str, str]]:
    return ((f"Brand{number % 7}", f"{number:07d}") for number in range(count))


def read_result(path: str | Path, sheet: int = 0) -> list[list[object]]:
    """All cells of a sheet of a result, by openpyxl."""
    book = load_workbook(path)
    return [[cell.value for cell in row] for row in book.worksheets[sheet].iter_rows()]


def result_of(task: CrossDockTask) -> list[list[object]]:
    from crossdock import files

    return read_result(files.result_path(task.pk))

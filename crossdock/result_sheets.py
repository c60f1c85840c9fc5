"""The result of a price request as a workbook: twelve columns in input order, and the rows that failed."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from crossdock.request_sheets import Line
from crossdock.view import BEST, Found
from ims.lib.sheets import Sheet, write_workbook

HEADINGS = [
    "SKU",
    "Бренд",
    "Артикул",
    *(
        heading
        for place in range(1, BEST + 1)
        for heading in (f"Лучшая цена {place}", f"Количество {place}", f"Название поставщика {place}")
    ),
]
FAILED_HEADINGS = ["Строка", "Бренд", "Артикул", "Причина"]
REQUEST_HEADINGS = ["Бренд", "Артикул"]
EXAMPLE = [["Toyota", "0415229010"], ["hyundai/kia", "263002Y500"]]

Cells = list[Any]


def priced_cells(line: Line, best: Sequence[Found]) -> Cells:
    """One row of the result, as JSON holds it: a price is its text until it is written."""
    cells: Cells = [f"{line.brand}|{line.article}", line.brand, line.article]
    for offer in best:
        cells += [str(offer.price), offer.quantity, offer.supplier]
    return cells


def failed_cells(line: Line) -> Cells:
    return [line.number, line.brand, line.article, line.problem]


def write(target: Path, priced: Iterable[Cells], failed: Iterable[Cells], *, with_failed: bool) -> None:
    """Write the workbook; the second sheet only where rows failed."""
    sheets = [Sheet("Результат", HEADINGS, (_with_prices(cells) for cells in priced))]
    if with_failed:
        sheets.append(Sheet("Ошибки", FAILED_HEADINGS, failed))
    write_workbook(target, sheets)


def _with_prices(cells: Cells) -> Cells:
    for place in range(3, len(cells), 3):
        cells[place] = Decimal(cells[place])
    return cells

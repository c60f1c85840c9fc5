"""Makes the files of this folder, written by other producers than ours and openpyxl.

pip install XlsxWriter==3.3.1 xlwt==1.3.0 && python tests/ims/lib/corpus/make.py
"""

from datetime import date, datetime
from pathlib import Path

import xlsxwriter
import xlwt

HERE = Path(__file__).parent
ROWS = [
    ["Бренд", "Артикул", "Цена", "Дата", "Есть", "Ошибка"],
    ["KIA", "0012345", 10.5, date(2026, 1, 31), True, None],
    ["ВАЗ", 12345678901, 0.1, datetime(2026, 1, 31, 14, 30), False, None],  # noqa: DTZ001
    [None, None, None, None, None, None],
    ["=1+1", "  padded  ", -2, None, None, "two\nlines"],
]


def xlsx() -> None:
    book = xlsxwriter.Workbook(HERE / "xlsxwriter.xlsx", {"default_date_format": "yyyy-mm-dd"})
    page = book.add_worksheet("Прайс")
    for number, row in enumerate(ROWS):
        for column, value in enumerate(row):
            if isinstance(value, str):
                page.write_string(number, column, value)
            elif value is not None:
                page.write(number, column, value)
    bold = book.add_format({"bold": True})
    page.write_rich_string("A6", "Hyundai", bold, "/KIA", "/Mobis")
    page.merge_range("B6:C6", "merged")
    page.write_formula("D6", "=1/0", None, "#DIV/0!")
    page.write_formula("E6", "=C2*2", None, 21)
    page.set_row(1, None, None, {"hidden": True})
    page.set_column("B:B", None, None, {"hidden": True})
    book.add_worksheet("Second").write(0, 0, "not this one")
    book.close()


def xls(name: str, mac: bool) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    book.dates_1904 = mac
    page = book.add_sheet("Прайс")
    day, moment = xlwt.easyxf(num_format_str="YYYY-MM-DD"), xlwt.easyxf(num_format_str="YYYY-MM-DD HH:MM")
    for number, row in enumerate(ROWS):
        for column, value in enumerate(row):
            if isinstance(value, date):
                page.write(number, column, value, moment if isinstance(value, datetime) else day)
            elif value is not None:
                page.write(number, column, value)
    page.write_merge(5, 5, 1, 2, "merged")
    page.row(5).set_cell_error(3, "#DIV/0!")
    page.row(1).hidden = True
    book.add_sheet("Second").write(0, 0, "not this one")
    book.save(str(HERE / name))


if __name__ == "__main__":
    xlsx()
    xls("xlwt.xls", mac=False)
    xls("xlwt-1904.xls", mac=True)

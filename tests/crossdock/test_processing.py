"""A price request from its file to its result: which cells come out of which cells."""

import tracemalloc
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from openpyxl import load_workbook

from crossdock import actions, files, runs, stages, view
from crossdock.models import CrossDockTask, Status
from crossdock.result_sheets import HEADINGS
from crossdock.services import process_cross_dock_data_from_file
from crossdock.tasks import process_file_task
from ims.lib.sheets import SheetError
from ims.notices.models import Notice
from scheduling.testing import drain, enqueued
from tests.crossdock.conftest import GROUP
from tests.crossdock.sheets import Watched, many_rows, read_result, request_file, result_of

pytestmark = pytest.mark.django_db
NOTHING = [None] * 9


@pytest.fixture(autouse=True)
def supplier(offer):
    """Every test has a group with one supplier, whose offers the view knows."""
    offer("KIA", "0012345", "10.50", quantity=3)
    offer("BMW", "11427566327", "7", by="Beta")
    view.refresh()


def process(file: BytesIO, tmp_path: Path) -> list[list[object]]:
    path = tmp_path / file.name
    path.write_bytes(file.getvalue())
    return read_result(process_cross_dock_data_from_file(str(path), GROUP))


def test_the_result_has_twelve_columns_as_their_readers_know_them(tmp_path):
    header, *rows = process(request_file(("KIA", "0012345")), tmp_path)
    assert header == [
        "SKU", "Бренд", "Артикул",
        "Лучшая цена 1", "Количество 1", "Название поставщика 1",
        "Лучшая цена 2", "Количество 2", "Название поставщика 2",
        "Лучшая цена 3", "Количество 3", "Название поставщика 3",
    ]  # fmt: skip
    assert rows == [["KIA|0012345", "KIA", "0012345", 10.5, 3, "Alpha", *[None] * 6]]


CASES = {
    "leading zeros": ([("KIA", "0012345")], [["KIA|0012345", "KIA", "0012345", 10.5, 3, "Alpha"]]),
    "all digits": ([("BMW", "11427566327")], [["BMW|11427566327", "BMW", "11427566327", 7, 5, "Beta"]]),
    "a number": ([("BMW", 11427566327)], [["BMW|11427566327", "BMW", "11427566327", 7, 5, "Beta"]]),
    "a number lost its zeros": ([("KIA", 12345)], [["KIA|12345", "KIA", "12345"]]),
    "case": ([("kia", "0012345")], [["kia|0012345", "kia", "0012345", 10.5, 3, "Alpha"]]),
    "blanks": ([("  KIA ", "\t0012345 ")], [["KIA|0012345", "KIA", "0012345", 10.5, 3, "Alpha"]]),
    "no match": ([("KIA", "x")], [["KIA|x", "KIA", "x"]]),
    "twice": ([("KIA", "0012345"), ("kia", "0012345")], [
        ["KIA|0012345", "KIA", "0012345", 10.5, 3, "Alpha"],
        ["kia|0012345", "kia", "0012345", 10.5, 3, "Alpha"],
    ]),
    "an empty row between": ([("KIA", "1"), (None, None), ("KIA", "2")], [
        ["KIA|1", "KIA", "1"], ["KIA|2", "KIA", "2"],
    ]),
    "header only": ([], []),
    "formulas": ([("=1+1", "@SUM(A1)")], [["=1+1|@SUM(A1)", "=1+1", "@SUM(A1)"]]),
    "a control character": ([("KI\x00A", "0012345")], [
        ["KIA|0012345", "KIA", "0012345", 10.5, 3, "Alpha"],
    ]),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_cells(tmp_path, rows, expected):
    assert process(request_file(*rows), tmp_path)[1:] == [
        [*row, *[None] * (12 - len(row))] for row in expected
    ]


@pytest.mark.parametrize(
    "headings",
    [
        ("Brand", "Article"),
        ("brand", "SKU"),
        ("A", "B"),
        ("Марка", "Номер"),  # unknown: the first two columns
        ("Бренд", "Номер"),
        ("Марка", "артикул"),
    ],
)
def test_headings_have_other_names(tmp_path, headings):
    assert process(request_file(("KIA", "0012345"), headings=headings), tmp_path)[1][:4] == [
        "KIA|0012345", "KIA", "0012345", 10.5
    ]  # fmt: skip


def test_columns_may_stand_anywhere(tmp_path):
    file = request_file((1, "0012345", "x", "KIA"), headings=("№", "Артикул", "", "Бренд"))
    assert process(file, tmp_path)[1][:3] == ["KIA|0012345", "KIA", "0012345"]


def test_a_very_wide_file_is_read(tmp_path):
    file = request_file(("KIA", "0012345", *range(150)), headings=("Бренд", "Артикул", *map(str, range(150))))
    assert process(file, tmp_path)[1][3] == 10.5


def test_text_is_never_a_formula(tmp_path):
    process(request_file(("=1+1", "-2+3")), tmp_path)
    path = next(tmp_path.glob("media/exports/*.xlsx"))
    assert {cell.data_type for cell in load_workbook(path).active[2] if cell.value} == {"s"}


def test_prices_and_quantities_are_numbers(tmp_path):
    cells = process(request_file(("KIA", "0012345")), tmp_path)[1]
    assert [type(cells[3]), type(cells[4])] == [float, int]


def test_rows_that_fail_are_on_a_second_sheet_and_harm_no_other(tmp_path):
    file = request_file(("", "1"), ("KIA", "0012345"), ("KIA", None), ("x" * 101, "1"), (None, None, "note"))
    path = tmp_path / file.name
    path.write_bytes(file.getvalue())
    result = process_cross_dock_data_from_file(str(path), GROUP)
    assert [row[0] for row in read_result(result)] == ["SKU", "KIA|0012345"]
    assert read_result(result, sheet=1) == [
        ["Строка", "Бренд", "Артикул", "Причина"],
        [2, None, "1", "Не указан бренд."],
        [4, "KIA", None, "Не указан артикул."],
        [5, "x" * 101, "1", "Бренд или артикул длиннее 100 символов."],
        [6, None, None, "Не указан бренд и артикул."],
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "first row is empty"),
        ("Бренд\nKIA\n".encode(), "“Артикул” missing; found “Бренд”"),
        ("Цена;Номер;Бренд\n1;2;3\n".encode(), "“Артикул” missing; found “Цена”, “Номер”, “Бренд”"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path, content, words):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=words):
        process_cross_dock_data_from_file(str(path), GROUP)
    assert not [path for path in tmp_path.glob("media/exports/*") if path.is_file()]


def test_a_group_without_suppliers_fails_instead_of_giving_blanks(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("Бренд;Артикул\nKIA;1\n".encode())
    with pytest.raises(SheetError, match="has no suppliers"):
        process_cross_dock_data_from_file(str(path), "Nobody")


# --- as a task ----------------------------------------------------------------------------------------------
@pytest.fixture
def asked(buyer) -> CrossDockTask:
    file = request_file(("KIA", "0012345"), ("KIA", "none"), ("", "1"))
    return actions.ask(file, file.name, GROUP, buyer)


def test_a_request_becomes_a_result(asked, media):
    kept = media / asked.input_file
    assert kept.exists()
    assert drain() == 1
    asked.refresh_from_db()
    assert (asked.status, asked.percent, asked.source) == (Status.SUCCESS, 100, "view")
    assert (asked.rows_total, asked.rows_done, asked.rows_failed, asked.rows_matched) == (3, 2, 1, 1)
    assert asked.output_url == f"/media/exports/cross_dock_{asked.pk}.xlsx"
    assert set(asked.timings) == {"reading", "pricing", "writing"}
    assert result_of(asked)[0] == HEADINGS
    assert not kept.exists()


def test_the_task_returns_what_outside_code_expects(asked):
    found = process_file_task(asked.input_file, GROUP, str(asked.pk))
    assert found == {
        "status": "success",
        "task_id": str(asked.pk),
        "output_url": f"/media/exports/cross_dock_{asked.pk}.xlsx",
    }


def test_its_owner_is_told_once(asked, buyer):
    drain()
    process_file_task(asked.input_file, GROUP, str(asked.pk))
    notice = Notice.objects.get(user=buyer)
    assert (notice.kind, notice.url) == ("crossdock.ready", asked.get_absolute_url())
    assert "1 of 2 parts" in notice.text


def test_a_failure_is_told_and_kept_with_its_file(buyer, media):
    asked = actions.ask(request_file(("KIA", "1")), "a.xlsx", "Nobody", buyer)
    with pytest.raises(runs.RequestFailed, match="has no suppliers"):
        process_file_task(asked.input_file, "Nobody", str(asked.pk))
    asked.refresh_from_db()
    assert asked.status == Status.FAILED
    assert "choose another" in asked.error_message
    assert (media / asked.input_file).exists()
    assert Notice.objects.get(user=buyer).kind == "crossdock.failed"


def test_an_upload_is_read_and_copied_before_the_transaction(buyer):
    file = Watched(request_file(("KIA", "1")).read())
    actions.ask(file, "a.xlsx", GROUP, buyer)
    assert file.depths == {len(connection.savepoint_ids)}


def test_an_upload_that_cannot_be_kept_is_refused_with_the_reason(buyer, media):
    media.mkdir()
    (media / files.INPUTS).write_text("a file where the folder should be")
    with pytest.raises(SheetError, match="Tell the operator"):
        actions.ask(request_file(("KIA", "1")), "a.xlsx", GROUP, buyer)
    assert not CrossDockTask.objects.exists()


def test_a_failed_job_is_not_tried_again_by_itself(buyer):
    actions.ask(request_file(("KIA", "1")), "a.xlsx", "Nobody", buyer)
    drain()
    assert enqueued(process_file_task) == []


def test_the_fallback_is_named(asked, offer):
    offer("KIA", "none", "3")
    drain()
    asked.refresh_from_db()
    assert (asked.status, asked.source, asked.rows_matched) == (Status.SUCCESS, "query", 2)
    assert "written since" in asked.source_reason


def test_progress_only_grows(asked, monkeypatch, buyer):
    file = request_file(*many_rows(5_000))
    seen = []

    class Seeing(runs.Reporter):
        def hear(self, counts):
            seen.append((counts.stage, counts.percent))
            super().hear(counts)

    monkeypatch.setattr(runs, "Reporter", Seeing)
    task = actions.ask(file, file.name, GROUP, buyer)
    runs.run(task.input_file, GROUP, str(task.pk))
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents)
    assert len(set(percents)) > 5
    assert list(dict.fromkeys(stage for stage, _ in seen)) == ["reading", "pricing", "writing"]


def test_outside_code_may_name_any_file_below_media(buyer, media):
    path = media / "uploads" / "parts.csv"
    path.parent.mkdir(parents=True)
    path.write_text("Бренд;Артикул\nKIA;0012345\n")
    task = CrossDockTask.objects.create(filename="parts", supplier_group=GROUP, user=buyer)
    assert process_file_task(str(path), GROUP, str(task.pk))["status"] == "success"
    assert result_of(task)[1][3] == 10.5
    assert not path.exists()


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "BATCH", 200)

    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.xlsx"
        path.write_bytes(request_file(*many_rows(rows)).getvalue())
        tracemalloc.start()
        try:
            stages.process(path, path.name, GROUP, tmp_path / "result.xlsx")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is kept once and for all
    assert peak(2_500) < peak(1_000) + 200_000


def test_an_unknown_task_is_an_error_that_is_not_retried():
    with pytest.raises(runs.UnknownTask) as caught:
        process_file_task("x.xlsx", GROUP, str(uuid4()))
    assert caught.value.permanent


def test_an_upload_that_is_gone_is_explained(asked, media):
    call_command("adopt_uploads")
    (media / asked.input_file).unlink()
    with pytest.raises(runs.RequestFailed, match="upload it again"):
        process_file_task(asked.input_file, GROUP, str(asked.pk))


def test_an_upload_that_lies_on_another_machine_is_explained(asked, settings, tmp_path):
    call_command("adopt_uploads")
    settings.MEDIA_ROOT = str(tmp_path / "of-another-machine")
    with pytest.raises(runs.RequestFailed, match="not the folder in which other machines keep uploads"):
        process_file_task(asked.input_file, GROUP, str(asked.pk))

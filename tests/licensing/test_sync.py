"""The nightly sync: the same service as a task and as a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils.timezone import now

from licensing import sync
from licensing.balances import day_in_india
from licensing.models import ImportItem, License, SyncRun
from licensing.tasks import sync_all_licenses
from scheduling import schedules
from scheduling.testing import drain

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("sync_licenses", *arguments, stdout=out)
    return out.getvalue()


def spoil(number: str = "L-1", **figures: object) -> None:
    """As a program beside ours would."""
    License.objects.filter(license_number=number).update(**{"balance_cif": Decimal("1.00"), **figures})


def everything() -> list[list[dict[str, object]]]:
    """All rows of this app, to the last column."""
    return [
        list(model.objects.order_by("pk").values()) for model in apps.get_app_config("licensing").get_models()
    ]


# --- the command ----------------------------------------------------------------------------------------
def test_the_command_writes_what_is_wrong_and_prints_old_and_new(licence):
    licence()
    spoil(is_null=True)
    ImportItem.objects.update(available_quantity=3)
    text = run()
    assert "L-1: 1.00 → 10,000.00" in text
    assert "L-1: yes → no" in text
    assert "L-1 item 1: 3.000 → 1,000.000" in text
    assert "Done: 1 licences checked, 1 licences and 1 items changed, 0 failed." in text
    assert License.objects.get().balance_cif == 10000


def test_the_command_draws_a_bar_to_the_end(licence):
    for number in range(3):
        licence(f"L-{number}")
    assert "100% 3 of 3" in run("--batch-size", "1")


def test_only_the_first_ten_changes_of_a_kind_are_printed(licence):
    for number in range(13):
        licence(f"L-{number}")
        spoil(f"L-{number}")
    text = run("--batch-size", "2")
    assert "Balance (USD): 13 changed" in text
    assert text.count(": 1.00 → 10,000.00") == 10
    assert "… and 3 more" in text


def test_a_dry_run_writes_nothing_and_prints_what_the_real_run_then_does(licence):
    licence("L-1", credit="100", items=[{}, {"is_restricted": True, "restriction_percentage": Decimal(10)}])
    licence("L-2")
    spoil()
    ImportItem.objects.filter(serial=2).update(available_value=7)
    License.objects.filter(license_number="L-2").update(expiry_date=now().date() - timedelta(days=9))
    before = everything()
    told = run("--dry-run")
    assert everything() == before
    done = run()
    assert everything() != before
    written = done.replace("changed", "to change")
    assert told.splitlines()[:-1] == written.splitlines()[:-1]
    assert "Dry run, nothing was written: 2 licences checked, 2 licences and 1 items would change" in told
    assert "Done: 2 licences checked, 2 licences and 1 items changed" in done


def test_a_licence_that_is_right_is_not_written(licence):
    licence()
    before = everything()
    assert "0 licences and 0 items changed" in run()
    assert everything() == before


def test_one_licence_can_be_chosen(licence):
    licence("L-1"), licence("L-2")
    spoil("L-1"), spoil("L-2")
    run("--license", "L-2")
    assert list(License.objects.order_by("pk").values_list("balance_cif", flat=True)) == [1, 10000]


def test_an_unknown_licence_is_refused(licence):
    with pytest.raises(CommandError, match="there is no licence L-9"):
        run("--license", "L-9")


@pytest.mark.parametrize("size", ["0", "-1", "many", "5001"])
def test_an_impossible_batch_size_is_refused(size):
    with pytest.raises(CommandError, match="give a whole number from 1 to 5000"):
        run("--batch-size", size)


def test_items_are_left_alone_when_asked(licence):
    licence()
    spoil()
    ImportItem.objects.update(available_quantity=3)
    assert "1 licences and 0 items changed" in run("--no-items")
    assert ImportItem.objects.get().available_quantity == 3


def test_overdrawn_licences_are_told_with_the_amount_by_the_dry_run_too(licence):
    licence("L-1", credit="100")
    licence("L-2")
    ImportItem.objects.filter(license__license_number="L-1").get().boe_rows.create(
        bill_of_entry=make_boe(), cif_fc=Decimal("350.25")
    )
    spoil("L-1", overdrawn_cif=0)
    for text in (run("--dry-run"), run()):
        assert "Overdrawn licences: 1\n  L-1: 250.25 USD" in text


def make_boe():
    return apps.get_model("licensing.BillOfEntry").objects.create(number="1", date=now().date())


def test_no_licences_is_no_error():
    assert "Done: 0 licences checked" in run()


# --- one that fails -------------------------------------------------------------------------------------
@contextmanager
def refusing(licence: License) -> Iterator[None]:
    """Inside, the database refuses every change of this licence, by a trigger."""
    make, drop = TRIGGERS[connection.vendor]
    with connection.cursor() as cursor:
        for statement in make:
            cursor.execute(statement.replace("LICENCE", str(licence.pk)))
        yield
        for statement in drop:
            cursor.execute(statement)


TRIGGERS = {
    "sqlite": (
        [
            "CREATE TRIGGER refusal BEFORE UPDATE ON licensing_license WHEN NEW.id = LICENCE"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ],
        ["DROP TRIGGER refusal"],
    ),
    "postgresql": (
        [
            "CREATE FUNCTION refusal() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
            "CREATE TRIGGER refusal BEFORE UPDATE ON licensing_license FOR EACH ROW"
            " WHEN (NEW.id = LICENCE) EXECUTE FUNCTION refusal()",
        ],
        ["DROP TRIGGER refusal ON licensing_license", "DROP FUNCTION refusal()"],
    ),
}


def test_a_licence_that_fails_keeps_its_figures_and_harms_no_other(licence):
    for number in range(5):
        licence(f"L-{number}")
        spoil(f"L-{number}")
    with refusing(License.objects.get(license_number="L-2")):
        out = StringIO()
        with pytest.raises(CommandError, match=r"1 licence could not be worked out.*L-2: .*refused"):
            call_command("sync_licenses", stdout=out)
        answer = sync_all_licenses()
    assert "4 licences and 0 items changed, 1 failed." in out.getvalue()
    balances = dict(License.objects.values_list("license_number", "balance_cif"))
    assert balances.pop("L-2") == 1
    assert set(balances.values()) == {10000}
    assert answer["status"] == "error"
    assert "L-2" in answer["error"]
    assert set(answer) == {"status", "output", "timestamp", "error"}


# --- the task -------------------------------------------------------------------------------------------
def test_the_task_answers_with_status_output_and_time(licence):
    licence()
    spoil()
    answer = sync_all_licenses()
    assert set(answer) == {"status", "output", "timestamp"}
    assert answer["status"] == "success"
    assert "L-1: 1.00 → 10,000.00" in answer["output"]
    assert now() - datetime.fromisoformat(answer["timestamp"]) < timedelta(minutes=1)


def test_the_task_runs_as_a_job(licence):
    licence()
    queued = sync_all_licenses.enqueue()
    assert drain() == 1
    assert queued.result(timeout=1)["status"] == "success"


def test_the_task_is_scheduled_for_midnight_in_india():
    schedules.sync()
    status = schedules.status("sync_all_licenses")
    assert status.active
    assert f"{status.next_run.astimezone(UTC):%H:%M}" == "18:30"


def test_a_run_is_on_record_with_its_report(licence):
    licence()
    spoil()
    sync_all_licenses()
    run = SyncRun.objects.get()
    assert (run.done, run.total, run.report["licences"]) == (1, 1, 1)
    assert run.report["changes"][0]["lines"] == ["L-1: 1.00 → 10,000.00"]


def test_the_last_day_ends_at_half_past_six_in_the_evening_utc(licence):
    last_day = datetime(2027, 3, 31, tzinfo=UTC).date()
    licence("L-1", expiry_date=last_day)
    sync.sync(day_in_india(datetime(2027, 3, 31, 18, 29, tzinfo=UTC)))
    assert not License.objects.get().is_expired
    sync.sync(day_in_india(datetime(2027, 3, 31, 18, 30, tzinfo=UTC)))
    assert License.objects.get().is_expired


def test_a_cancelled_sync_stops_between_batches_and_tells(licence, today):
    for number in range(4):
        licence(f"L-{number}")
        spoil(f"L-{number}")
    answers = iter([False, True])
    report = sync.sync(today, batch_size=2, stop=lambda: next(answers))
    assert "Stopped: 2 licences checked, 2 licences and 0 items changed" in report.output


def test_a_batch_takes_the_same_statements_however_large(licence, today, django_assert_num_queries):
    for number in range(20):
        licence(f"L-{number}")
    with django_assert_num_queries(7):  # the count, two for each batch, a look for more, the overdrawn
        sync.sync(today, batch_size=10)

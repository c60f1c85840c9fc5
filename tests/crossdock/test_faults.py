"""Workers that are killed, overtaken, cancelled or out of disk: no wrong state and no orphan file."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.utils.timezone import now

from crossdock import actions, files, runs, services, view
from crossdock.models import CrossDockTask, Stage, Status
from crossdock.tasks import process_file_task, recover_lost_requests
from ims.notices.models import Notice
from scheduling import job
from scheduling.models import QueuedJob
from scheduling.testing import drain
from tests.conftest import ROOT, database_url_of_test
from tests.crossdock.conftest import GROUP
from tests.crossdock.sheets import many_rows, request_file, result_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]
ROWS = 3_000
LATER = timedelta(minutes=2)
each_stage = pytest.mark.parametrize("stage", Stage.values)


@pytest.fixture
def asked(buyer, offer) -> CrossDockTask:
    """A request of a few thousand rows, of which the first has an offer."""
    offer("Brand0", "0000000", "10.50")
    view.refresh()
    return actions.ask(request_file(*many_rows(ROWS)), "parts.xlsx", GROUP, buyer)


def assert_priced(task: CrossDockTask) -> None:
    task.refresh_from_db()
    assert (task.status, task.error_message) == (Status.SUCCESS, "")
    assert (task.rows_done, task.rows_matched) == (ROWS, 1)
    rows = result_of(task)
    assert len(rows) == ROWS + 1
    assert rows[1][:6] == ["Brand0|0000000", "Brand0", "0000000", 10.5, 5, "Alpha"]


def assert_no_orphans(task: CrossDockTask, media: Path) -> None:
    """After pruning, nothing but what a request names is left."""
    services.prune(now() + timedelta(days=2))
    task.refresh_from_db()
    expected = {files.result_path(task.pk)} if task.status == Status.SUCCESS else {media / task.input_file}
    assert {path for path in media.rglob("*") if path.is_file()} == expected


# --- killed -------------------------------------------------------------------------------------------------
def start_held_worker(task: CrossDockTask, stage: str, media: Path) -> subprocess.Popen:
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.crossdock.held_worker", str(task.pk), stage],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url_of_test(), "MEDIA_ROOT": str(media)},
        stdout=subprocess.PIPE,
    )
    assert worker.stdout.readline() == b"held\n"
    return worker


@each_stage
def test_a_request_whose_worker_is_killed_is_given_to_another(asked, media, stage):
    QueuedJob.objects.all().delete()
    worker = start_held_worker(asked, stage, media)
    worker.kill()
    worker.communicate()
    asked.refresh_from_db()
    assert (asked.status, asked.stage) == (Status.RUNNING, stage)
    assert actions.recover(now())["given_back"] == 0  # it may still be alive
    assert actions.recover(now() + LATER) == {"given_back": 1, "failed": 0}
    drain()
    assert_priced(asked)
    assert_no_orphans(asked, media)


def test_a_request_that_loses_every_worker_fails_with_the_reason(asked):
    for _ in range(services.MOST_RUNS):
        runs.begin(str(asked.pk))
        actions.recover(now() + LATER)
    asked.refresh_from_db()
    assert asked.status == Status.FAILED
    assert "lost 3 times" in asked.error_message
    assert Notice.objects.get(user=asked.user).kind == "crossdock.failed"
    actions.retry(asked, asked.user)
    drain()
    assert_priced(asked)


def test_a_request_whose_job_is_gone_does_not_wait_for_ever(asked):
    QueuedJob.objects.all().delete()
    assert actions.recover(now() + LATER)["failed"] == 1
    asked.refresh_from_db()
    assert "without a result: retry" in asked.error_message
    assert Notice.objects.get(user=asked.user).kind == "crossdock.failed"


def test_a_request_that_waits_its_turn_is_left_alone(asked):
    assert actions.recover(now() + LATER) == {"given_back": 0, "failed": 0}
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


def test_a_killed_cluster_leaves_nothing_running_for_ever(asked, media, qcluster, wait_for):
    """With real clusters: the second finds the request silent and begins it anew."""
    settings = {"MEDIA_ROOT": str(media), "CROSSDOCK_VIEW_MINUTES": "1000"}
    first = qcluster("--workers", "1", **settings)

    def has_begun() -> bool:
        asked.refresh_from_db()
        return asked.status != Status.PENDING

    wait_for(has_begun, timeout=40, every=0.01)
    first.kill()
    asked.refresh_from_db()
    if asked.status == Status.RUNNING:  # killed in time
        CrossDockTask.objects.update(heard_at=now() - LATER)
        recover_lost_requests()
    qcluster("--workers", "1", **settings)
    wait_for(lambda: CrossDockTask.objects.filter(status=Status.SUCCESS).exists(), timeout=40)
    assert_priced(asked)


# --- two workers --------------------------------------------------------------------------------------------
class Gate(runs.Reporter):
    """Stands still in one stage until it is opened."""

    stage_of_gate = ""
    reached, opened = threading.Event(), threading.Event()

    def hear(self, counts):
        super().hear(counts)
        if counts.stage == self.stage_of_gate:
            self.reached.set()
            assert self.opened.wait(timeout=30)


@pytest.fixture
def gate(monkeypatch):
    """Hold the first worker in a stage: `gate("pricing")`."""
    plain = runs.Reporter

    def hold(stage: str) -> type[Gate]:
        class Here(Gate):
            stage_of_gate = stage
            reached, opened = threading.Event(), threading.Event()

        makers = iter([Here])
        monkeypatch.setattr(runs, "Reporter", lambda task: next(makers, plain)(task))
        return Here

    return hold


def in_thread(task: CrossDockTask) -> dict:
    try:
        return process_file_task(task.input_file, GROUP, str(task.pk))
    finally:
        connection.close()


@each_stage
def test_of_two_workers_the_later_counts_and_the_other_does_no_harm(asked, media, gate, stage):
    held = gate(stage)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_thread, asked)
        assert held.reached.wait(timeout=30)
        second = in_thread(asked)
        result = files.result_path(asked.pk).stat().st_mtime_ns
        held.opened.set()
        assert first.result() == second
    assert second["status"] == "success"
    assert files.result_path(asked.pk).stat().st_mtime_ns == result
    assert Notice.objects.count() == 1
    assert_priced(asked)
    assert_no_orphans(asked, media)


def test_a_job_that_comes_twice_changes_nothing(asked):
    first = in_thread(asked)
    written = files.result_path(asked.pk).stat().st_mtime_ns
    assert in_thread(asked) == first
    assert files.result_path(asked.pk).stat().st_mtime_ns == written


# --- cancelled ----------------------------------------------------------------------------------------------
@each_stage
def test_a_request_cancelled_in_any_stage_stops_and_can_be_retried(asked, media, gate, stage, buyer):
    held = gate(stage)
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(in_thread, asked)
        assert held.reached.wait(timeout=30)
        actions.cancel(asked, buyer)
        held.opened.set()
        assert worker.result()["status"] == "cancelled"
    asked.refresh_from_db()
    assert asked.status == Status.CANCELLED
    assert not list((media / "exports").glob("*"))
    actions.retry(asked, buyer)
    drain()
    assert_priced(asked)
    assert_no_orphans(asked, media)


def test_a_cancelled_request_stops_within_two_seconds(buyer, offer, wait_for):
    offer("x", "x", "1")  # so the view is stale, and the slow original query prices
    task = actions.ask(request_file(*many_rows(10_000)), "parts.xlsx", GROUP, buyer)
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(in_thread, task)
        wait_for(lambda: CrossDockTask.objects.filter(stage="pricing", rows_done__gt=0).exists(), timeout=30)
        actions.cancel(task, buyer)
        asked_at = time.monotonic()
        assert worker.result(timeout=30)["status"] == "cancelled"
    assert time.monotonic() - asked_at < 2


def test_a_job_cancelled_as_a_job_cancels_the_request(asked, monkeypatch, operator):
    def cancel_job(task):
        job(task.job_id).cancel(by=operator)
        return runs_reporter(task)

    runs_reporter = runs.Reporter
    monkeypatch.setattr(runs, "Reporter", cancel_job)
    drain()
    asked.refresh_from_db()
    assert asked.status == Status.CANCELLED
    assert job(asked.job_id).state == "cancelled"


# --- no room ------------------------------------------------------------------------------------------------
def test_a_full_disk_fails_the_request_with_the_reason_and_leaves_nothing(asked, media, monkeypatch):
    full = media / "exports" / "full.part"

    def on_a_full_disk(task_id, token):
        full.parent.mkdir(parents=True, exist_ok=True)
        full.symlink_to("/dev/full")
        return full

    with monkeypatch.context() as patch:
        patch.setattr(files, "part_path", on_a_full_disk)
        with pytest.raises(runs.RequestFailed, match="The disk is full: make room"):
            in_thread(asked)
    asked.refresh_from_db()
    assert (asked.status, asked.output_url) == (Status.FAILED, "")
    assert not list((media / "exports").glob("*"))
    actions.retry(asked, asked.user)
    drain()
    assert_priced(asked)


# --- a locked view ------------------------------------------------------------------------------------------
@pytest.mark.only("postgresql")  # SQLite's readers are never locked out
def test_a_locked_view_is_left_for_the_original_query(asked, buyer):
    task = actions.ask(request_file(*many_rows(300)), "few.xlsx", GROUP, buyer)
    locked, done = threading.Event(), threading.Event()

    def lock() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("REFRESH MATERIALIZED VIEW crossdock_best_offer")
                locked.set()
                done.wait(timeout=60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lock)
        assert locked.wait(timeout=30)
        in_thread(task)
        done.set()
    task.refresh_from_db()
    assert (task.status, task.source, task.rows_matched) == (Status.SUCCESS, "query", 1)
    assert "lock timeout" in task.source_reason


# --- no prices to be had ------------------------------------------------------------------------------------
@contextmanager
def offers_out_of_reach() -> Iterator[None]:
    """Neither the view, which is stale, nor the offers themselves can be asked."""
    rename("crossdock_offer", "crossdock_offer_gone")
    try:
        yield
    finally:
        rename("crossdock_offer_gone", "crossdock_offer")


def rename(table: str, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


def test_where_neither_view_nor_offers_answer_there_is_no_result_of_blanks(asked, media, offer):
    """PostgreSQL takes it for the statement's error, and the request fails with the reason; SQLite for the
    database's own trouble, after which the request is begun anew."""
    offer("Brand1", "x", "1")  # so the view is stale
    with (
        offers_out_of_reach(),
        pytest.raises((runs.RequestFailed, OperationalError), match="crossdock_offer"),
    ):
        in_thread(asked)
    asked.refresh_from_db()
    assert asked.output_url == ""
    assert not list((media / "exports").glob("*"))
    if connection.vendor == "postgresql":
        assert (asked.status, "tell the operator" in asked.error_message) == (Status.FAILED, True)
        actions.retry(asked, asked.user)
    else:
        assert actions.recover(now() + LATER)["given_back"] == 1
    view.refresh()
    drain()
    assert_priced(asked)


# --- pruning ------------------------------------------------------------------------------------------------
def test_results_and_uploads_go_when_they_are_old(asked, media, buyer, settings):
    settings.CROSSDOCK_KEEP_DAYS = 30
    failed = actions.ask(request_file(("KIA", "1")), "b.xlsx", GROUP, buyer)
    drain()
    CrossDockTask.objects.filter(pk=failed.pk).update(status=Status.FAILED, input_file="cross_dock/x.xlsx")
    (media / "cross_dock" / "x.xlsx").write_bytes(b"kept")
    assert services.prune(now() + timedelta(days=29)) == 1  # the other's result, which its row does not name
    assert services.prune(now() + timedelta(days=31)) == 2
    assert not [path for path in media.rglob("*") if path.is_file()]
    asked.refresh_from_db()
    assert (asked.status, asked.output_url) == (Status.SUCCESS, "")


def test_an_old_request_that_was_retried_keeps_its_result(asked, media):
    drain()
    CrossDockTask.objects.filter(pk=asked.pk).update(created_at=now() - timedelta(days=100))
    services.prune(now() + timedelta(days=2))
    asked.refresh_from_db()
    assert asked.output_url
    assert files.result_path(asked.pk).exists()


def test_a_young_file_of_nobody_is_left_for_its_worker(media):
    (media / "exports").mkdir(parents=True)
    (media / "exports" / "cross_dock_x.xlsx.y.part").write_bytes(b"half")
    assert services.prune(now()) == 0
    assert services.prune(now() + timedelta(days=2)) == 1


def test_a_file_that_goes_while_files_are_looked_at_harms_nothing(media):
    (media / "exports").mkdir(parents=True)
    (media / "exports" / "cross_dock_x.xlsx.y.part").symlink_to(media / "gone")  # listed, and not there
    assert services.prune(now() + timedelta(days=2)) == 0

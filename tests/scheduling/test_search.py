"""Lists of jobs: what is found, page by page, in a constant number of statements."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import Task

from scheduling import failures, overview, search
from scheduling.models import QueuedJob
from scheduling.search import BadFilter, JobFilter
from scheduling.testing import drain
from tests.site import tasks

pytestmark = pytest.mark.django_db
FUNC = "tests.site.tasks.leave_effect"


def fill(waiting, finished):
    """By bulk, with payloads and results that nobody could read: no list may try."""
    now = timezone.now()
    QueuedJob.objects.bulk_create(
        [
            QueuedJob(
                key="normal", payload="?", lock=now, job_id=f"w{n:031}", func=FUNC, enqueued_at=now
            )
            for n in range(waiting)
        ],
        batch_size=2000,
    )  # fmt: skip
    stored = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        for start in range(0, finished, 10_000):
            cursor.executemany(
                "INSERT INTO django_q_task (id, name, func, started, stopped, success, attempt_count, result)"
                " VALUES (%s, 'n', %s, %s, %s, %s, 1, 'unreadable')",
                [
                    (f"f{n:031}", FUNC, stored(now), stored(now - timedelta(seconds=n // 3)), n % 100 != 0)
                    for n in range(start, min(start + 10_000, finished))
                ],
            )


def statements_of(look):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        look()
    return [query["sql"] for query in captured]


def walk(wanted, limit=50):
    cursor, pages = "", []
    while True:
        page = search.find(wanted, cursor, limit)
        pages.append([row.id for row in page.rows])
        cursor = page.older
        if not cursor:
            return pages


def test_pages_follow_one_another_without_gap_or_double():
    fill(7, 25)
    pages = walk(JobFilter(), limit=10)
    found = [job_id for page in pages for job_id in page]
    assert [len(page) for page in pages] == [10, 10, 10, 2]
    assert len(set(found)) == 32
    assert found[:7] == [f"w{n:031}" for n in reversed(range(7))]  # unfinished first, newest first


def test_each_state_finds_its_jobs():
    tasks.leave_effect.enqueue_at(timezone.now() + timedelta(hours=1))
    failed, cancelled = tasks.fail_for_good.enqueue(), tasks.leave_effect.enqueue()
    cancelled.cancel()
    tasks.fail_and_wait.enqueue()
    drain()
    done, waiting = tasks.leave_effect.enqueue(), None
    drain()
    waiting = tasks.leave_effect.enqueue()
    found = {state: [row.id for row in search.find(JobFilter(state=state)).rows] for state in search.STATES}
    assert found["failed"] == [failed.id]
    assert found["cancelled"] == [cancelled.id]
    assert found["succeeded"] == [done.id]
    assert found["waiting"] == [waiting.id]
    assert (len(found["retrying"]), len(found["scheduled"]), found["running"]) == (1, 1, [])
    for state, ids in found.items():
        assert {row.state for row in search.find(JobFilter(state=state)).rows} == ({state} if ids else set())


@pytest.mark.parametrize("text", ["leave_eff", "LEAVE"])
def test_text_finds_tasks_by_a_part_of_their_name(text):
    wanted = tasks.leave_effect.enqueue()
    tasks.urgent.enqueue("other")
    assert [row.id for row in search.find(JobFilter(q=text)).rows] == [wanted.id]


def test_text_finds_jobs_by_the_beginning_of_their_id_and_by_their_error():
    failed = tasks.fail.enqueue("the vendor is on fire")
    drain()
    other = tasks.urgent.enqueue("x")
    assert [row.id for row in search.find(JobFilter(q=other.id[:9])).rows] == [other.id]
    [row] = search.find(JobFilter(q="on fire")).rows
    assert (row.id, row.error) == (failed.id, "ValueError: the vendor is on fire")


@pytest.mark.parametrize("field", ["state", "queue"])
def test_what_cannot_be_is_refused_by_name(field):
    with pytest.raises(BadFilter, match=f"{field}: give one of"):
        JobFilter(**{field: "nosuch"})


@pytest.mark.parametrize("cursor", ["x", "q~x", "h~x~y", "h~2020-01-01~a", "q~"])
def test_a_made_up_cursor_is_refused(cursor):
    with pytest.raises(BadFilter, match="cursor"):
        search.find(JobFilter(), cursor)


def test_failures_are_grouped_by_task_and_error():
    for message in ("a", "a", "b"):
        tasks.fail.enqueue(message)
    tasks.fail_for_good.enqueue()
    drain()
    found = {(each.task, each.error): each.count for each in failures.groups()}
    assert found == {
        ("tests.fail", "ValueError: a"): 2,
        ("tests.fail", "ValueError: b"): 1,
        ("tests.fail_for_good", "tests.site.tasks.Hopeless: nothing will help"): 1,
    }


LOOKS = [
    lambda: search.find(JobFilter()),
    lambda: search.find(JobFilter(state="failed")),
    lambda: search.find(JobFilter(state="succeeded", q="effect")),
    lambda: search.find(JobFilter(queue="normal")),
    lambda: overview.look(),
    lambda: failures.groups(),
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    ("few", "many"), [((1, 3), (60, 120)), pytest.param((1, 3), (10_000, 100_000), marks=pytest.mark.slow)]
)
def test_a_look_costs_the_same_few_statements_however_many_jobs_there_are(look, few, many):
    fill(*few)
    before = statements_of(look)
    Task.objects.all().delete()
    QueuedJob.objects.all().delete()
    fill(*many)
    after = statements_of(look)
    assert (
        len(after) <= len(before) + 1 <= 9
    )  # the rows' progress and cancellations are asked for where there are rows
    assert not [sql for sql in after if "COUNT" in sql and "django_q_task" in sql and "NOT" not in sql]

"""What @task accepts, and what it refuses at import."""

from datetime import timedelta

import pytest

from scheduling import Retry, Undeclared, declaration, task
from scheduling.checks import check_tasks
from scheduling.exceptions import BadDeclaration
from tests.site import tasks


def declare(**options):
    def sample(number):
        return number

    sample.__qualname__ = "sample"  # as if at the top of a module
    return task(**options)(sample)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queue": "express"}, "the queues are high_priority, normal, low_priority"),
        ({"timeout": 0}, "give whole seconds, 1 or more"),
        ({"timeout": 1.5}, "give whole seconds"),
        ({"timeout": 10, "soft_timeout": 10}, "must lie between 0 and timeout=10"),
        ({"keep": timedelta(0)}, "give a time above zero"),
        ({"rate": "fast"}, 'give for example "5/s"'),
        ({"rate": "0/s"}, 'give for example "5/s"'),
        ({"every": timedelta(seconds=90)}, "give whole minutes"),
        ({"every": timedelta(minutes=32768)}, "give whole minutes from 1 to 32767"),
        ({"cron": "at noon"}, "is not a cron expression"),
        ({"cron": "0 0 * * *", "tz": "Asia/Nowhere"}, "is not a time zone"),
        ({"cron": "0 0 * * *", "every": timedelta(minutes=1)}, "not both"),
        ({"sensitive": ("password",)}, "sensitive names ['password']"),
        ({"name": "site.leave_effect"}, "is taken by tests.site.tasks.leave_effect"),
        ({"every": timedelta(minutes=1)}, "calls it without arguments"),
        ({"every": timedelta(minutes=1), "schedule": "site_every"}, "the schedule 'site_every' is taken"),
    ],
)
def test_a_bad_declaration_is_refused_with_the_cure(options, message):
    if "name" in options:
        options["name"] = "tests.leave_effect"
    with pytest.raises(BadDeclaration, match=None) as refusal:
        declare(**options)
    assert message in str(refusal.value)


@pytest.fixture
def in_a_package(monkeypatch):
    """Declares in `tests.site.tasks.more`, a module of a package `tasks`: `in_a_package("sample")`."""
    monkeypatch.setattr(declaration, "_tasks", dict(declaration._tasks))

    def declared(name: str, module: str = "tests.site.tasks.more"):
        def sample():
            pass

        sample.__module__, sample.__qualname__, sample.__name__ = module, name, name
        return task()(sample)

    return declared


def test_a_task_of_a_package_is_known_by_the_package(in_a_package):
    assert in_a_package("sample").path == "tests.site.tasks.sample"


def test_two_tasks_of_a_package_have_two_names(in_a_package):
    in_a_package("sample")
    with pytest.raises(BadDeclaration, match=r"more declares 'tests\.site\.tasks\.sample'"):
        in_a_package("sample", "tests.site.tasks.other")


def test_a_task_that_its_package_does_not_import_is_refused(in_a_package):
    assert check_tasks() == []
    in_a_package("sample")
    [refusal] = check_tasks()
    assert (refusal.id, "from tests.site.tasks.more" in refusal.hint) == ("scheduling.E012", True)


def test_a_function_inside_a_function_is_refused():
    with pytest.raises(BadDeclaration, match="move it to a module"):

        @task()
        def inner():
            pass


@pytest.mark.parametrize("options", [{"attempts": 0}, {"delay": -1}, {"factor": 0.5}, {"jitter": 1}])
def test_an_impossible_retry_is_refused(options):
    with pytest.raises(BadDeclaration):
        Retry(**options)


def test_a_task_called_plainly_just_runs():
    assert tasks.sleep.function.__name__ == "sleep"
    assert tasks.whoami()["pid"]


def test_a_task_is_found_by_path_and_by_name():
    assert declaration.find("tests.site.tasks.urgent") is tasks.urgent
    assert declaration.find("tests.urgent") is tasks.urgent


def test_an_undeclared_function_is_not_found_and_not_imported():
    import sys

    with pytest.raises(Undeclared):
        declaration.find("antigravity.fly")
    assert "antigravity" not in sys.modules


def test_back_off_grows_exponentially_up_to_its_limit():
    retry = Retry(delay=60, factor=2, max_delay=200, jitter=0)
    assert [retry.pause_after(attempt) for attempt in (1, 2, 3)] == [60, 120, 200]


def test_jitter_stays_within_its_share():
    retry = Retry(delay=100, jitter=0.2)
    assert all(80 <= retry.pause_after(1) <= 120 for _ in range(200))


def test_an_error_may_ask_for_its_own_pause():
    assert Retry(delay=60).pause_after(1, tasks.AskedToWait()) == 600


def test_a_job_may_be_tried_for_ever():
    assert Retry(attempts=10_000, delay=1, factor=1.5, max_delay=60, jitter=0).pause_after(5_000) == 60


@pytest.mark.parametrize("wish", ["Wed, 21 Oct 2026 07:28:00 GMT", float("nan"), timedelta(minutes=1)])
def test_an_error_that_names_no_seconds_waits_as_any_other(wish):
    error = RuntimeError()
    error.retry_after = wish
    assert Retry(delay=60, jitter=0).pause_after(1, error) == 60

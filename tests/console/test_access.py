"""Who may look and who may act: every address of the console and of its API, taken from the code itself, so
that none is forgotten here."""

import pytest
from django.urls import reverse

from ims.console import urls as console
from ims.lib.models import AuditLog
from scheduling import schedules
from scheduling import urls as engine
from scheduling.models import PausedQueue, QueuedJob
from scheduling.operation_models import FailureMute
from tests.site import tasks

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PAGES = [pattern.name for pattern in console.pages]
CALLS = [pattern.name for pattern in engine.api_urls]
PAGE_ACTIONS = {
    "pause",
    "resume",
    "retry",
    "run-again",
    "cancel",
    "schedule-start",
    "schedule-stop",
    "schedule-run",
    "quiet",
    "wake",
    "mute",
    "unmute",
}
FORMS = {"bulk": {"action": "cancel", "state": "waiting"}, "task": {"name": "x"}}  # for who may act alone
CALL_ACTIONS = {
    "schedule_control",
    "job_retry",
    "job_run_again",
    "job_cancel",
    "queue_pause",
    "queue_resume",
    "failure_mute",
    "task_enqueue",
    "quiet",
    "wake",
}
ASKED = {
    "schedule_control": {"action": "stop"},
    "failure_mute": {"task": "tests.fail", "error": "ValueError", "how": "day"},
    "task_enqueue": {"arguments": {"name": "x"}},
    "job_bulk": {"action": "cancel", "state": "waiting"},
}  # fmt: skip


@pytest.fixture
def address_of(db):
    """The address of a view, with a job, queue or schedule that there is in it."""
    schedules.sync()
    job = tasks.leave_effect.enqueue()
    patterns = {f"console:{each.name}": each for each in console.pages} | {
        each.name: each for each in engine.api_urls
    }

    def address(name):
        queue_or_schedule = "site_every" if "schedule" in name else "normal"
        known = {
            "job_id": job.id,
            "key": "site_every",
            "name": queue_or_schedule,
            "task": "tests.leave_effect",
        }
        pattern = patterns[name].pattern
        names = getattr(pattern, "converters", None) or pattern.regex.groupindex
        return reverse(name, kwargs={each: known[each] for each in names})

    address.job = job
    return address


def assert_nothing_happened(address_of):
    assert address_of.job.state == "waiting"
    assert not PausedQueue.objects.exists()
    assert not AuditLog.objects.exists()
    assert not FailureMute.objects.exists()
    assert QueuedJob.objects.count() == 1
    assert schedules.status("site_every").active


@pytest.mark.parametrize("name", [name for name in PAGES if name not in FORMS])
def test_pages_are_for_operators_and_readers_and_actions_are_no_pages(
    client, operator, reader, stranger, operations, address_of, name
):
    address = address_of(f"console:{name}")
    assert client.get(address).status_code == 302  # to the sign-in page
    shown = 405 if name in PAGE_ACTIONS else 200
    for user, status in ((stranger, 403), (operations, 403), (reader, shown), (operator, shown)):
        client.force_login(user)
        assert client.get(address).status_code in {status, 405 if shown == 405 else status}


@pytest.mark.parametrize("name", sorted(PAGE_ACTIONS))
def test_only_an_operator_acts_on_pages(client, reader, stranger, operations, operator, address_of, name):
    address = address_of(f"console:{name}")
    assert client.post(address).status_code == 302
    for user in (stranger, operations, reader):
        client.force_login(user)
        assert client.post(address).status_code == 403
    assert_nothing_happened(address_of)
    client.force_login(operator)
    assert client.post(address).status_code == 302


@pytest.mark.parametrize("name", sorted(FORMS))
def test_only_an_operator_opens_and_sends_forms(
    client, reader, stranger, operations, operator, address_of, name
):
    address, asked = address_of(f"console:{name}"), FORMS[name]
    assert client.post(address, asked).status_code == 302  # to the sign-in page
    for user in (stranger, operations, reader):
        client.force_login(user)
        assert (client.get(address, asked).status_code, client.post(address, asked).status_code) == (403, 403)
    assert_nothing_happened(address_of)
    client.force_login(operator)
    assert client.get(address, asked).status_code == 200
    assert client.post(address, asked).headers["Location"].startswith("/console/jobs/")


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_for_operators_and_readers(
    api, anonymous_api, operator, reader, stranger, operations, address_of, name
):
    address = address_of(name)
    shown = 405 if name in CALL_ACTIONS - {"schedule_control"} else 200
    asked = ASKED[name] if name == "job_bulk" else {}
    assert anonymous_api.get(address).status_code == 401
    assert {api(user).get(address).status_code for user in (stranger, operations)} <= {403, 405} - {shown}
    assert {api(user).get(address, asked).status_code for user in (operator, reader)} == {shown}


@pytest.mark.parametrize("name", sorted({*CALL_ACTIONS, "job_bulk"}))
def test_only_an_operator_acts_by_calls(
    api, anonymous_api, reader, stranger, operations, operator, address_of, name
):
    address = address_of(name)
    asked = {"data": ASKED.get(name, {}), "format": "json"}
    assert anonymous_api.post(address, **asked).status_code == 401
    assert {api(user).post(address, **asked).status_code for user in (stranger, operations, reader)} == {403}
    assert_nothing_happened(address_of)
    assert api(operator).post(address, **asked).status_code in {200, 202, 409}


@pytest.mark.parametrize("name", [name for name in CALLS if name not in {*CALL_ACTIONS, "job_bulk"}])
def test_what_is_only_looked_at_takes_no_post(api, operator, address_of, name):
    assert api(operator).post(address_of(name)).status_code == 405


def test_every_call_is_in_the_api_documentation(api, operator, address_of):
    paths = api(operator).get("/api/schema/?format=json").json()["paths"]
    documented = {path.rstrip("/") for path in paths if path.startswith("/api/scheduling/")}
    assert len(documented) == len(CALLS)
    for name in CALL_ACTIONS:
        address = address_of(name).rstrip("/").replace(address_of.job.id, "{job_id}")
        address = address.replace("normal", "{name}").replace("site_every", "{name}")
        assert address.replace("tests.leave_effect", "{task}") in documented

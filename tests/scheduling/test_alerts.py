"""People are warned once when something begins and once when it is over, by e-mail and a signed webhook."""

import hashlib
import hmac
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import Schedule

from scheduling import alerts, history, mutes, schedules, troubles
from scheduling.models import Attempt, Heartbeat, QueuedJob
from scheduling.operation_models import Incident
from scheduling.testing import drain
from tests.peers.fixtures import smtp  # noqa: F401 - a fixture
from tests.peers.peer import Answer, Peer
from tests.site import tasks

pytestmark = pytest.mark.django_db
SECRET = "a-secret-for-tests-of-alerts"


class Receiver(Peer):
    def answer(self, request):
        return Answer({"ok": True})


@pytest.fixture
def hook(settings):
    with Receiver() as server:
        settings.ALERT_WEBHOOK, settings.ALERT_WEBHOOK_SECRET = server.url, SECRET
        yield server


@pytest.fixture
def post(smtp, settings):  # noqa: F811
    settings.ALERT_EMAILS = ["oncall@example.com", "second@example.com"]
    return smtp


@pytest.fixture
def cluster(db):
    """One that lives, as far as rows can tell."""
    now = timezone.now()
    return Heartbeat.objects.create(
        cluster_id="0" * 32, workers=2, queues=["high_priority", "normal", "low_priority"],
        seen_at=now + timedelta(minutes=5), lease_until=now + timedelta(minutes=5),
    )  # fmt: skip


@pytest.fixture
def starving(cluster):
    tasks.leave_effect.enqueue()
    QueuedJob.objects.update(lock=timezone.now() - timedelta(hours=1))


def watch():
    alerts.look(timezone.now(), alerts.by_jobs)
    drain(["high_priority"])


def header(request, name):
    return {key.lower(): value for key, value in request.headers.items()}[name]


def subjects(post):
    return [each.message["Subject"] for each in post.letters]


def test_a_starved_queue_is_told_once_and_its_recovery_once(post, hook, starving):
    watch()
    watch()
    QueuedJob.objects.all().delete()
    watch()
    watch()
    assert [subject.partition(":")[0] for subject in subjects(post)] == ["[IMS] warning", "[IMS] over"]
    assert post.letters[0].recipients == ["oncall@example.com", "second@example.com"]
    assert "The oldest job of normal waits for 3600 s." in subjects(post)[0]
    assert [each.body["event"] for each in hook.requests] == ["began", "ended"]
    assert Incident.objects.get().ended_at


def test_the_webhook_can_tell_that_it_is_us(hook, starving):
    watch()
    [told] = hook.requests
    assert told.body["key"] == "starved:normal"
    signed = f"{header(told, 'x-ims-timestamp')}.{json.dumps(told.body)}".encode()
    assert header(told, "x-ims-signature") == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert header(told, "x-ims-delivery").endswith("-began")


def test_what_was_not_taken_is_sent_again_under_the_same_name_until_it_is(hook, starving):
    hook.fail(times=2, status=503)
    watch()
    assert len(hook.requests) == 1
    drain(["high_priority"], ignore_delays=True)
    assert len(hook.requests) == 3
    assert len({header(each, "x-ims-delivery") for each in hook.requests}) == 1


def test_a_redirect_is_not_followed_and_a_refusal_is_for_good(hook, starving):
    hook.fail(times=None, status=403)
    watch()
    drain(["high_priority"], ignore_delays=True)
    assert len(hook.requests) == 1
    assert "answered 403" in Attempt.objects.get().error


def test_a_late_schedule_is_told(cluster):
    schedules.sync()
    Schedule.objects.filter(name="site_every").update(next_run=timezone.now() - timedelta(minutes=6))
    assert [each.key for each in troubles.find()] == ["late:site_every"]


def test_a_burst_of_failures_is_told_until_half_of_it_is_over_and_not_of_a_muted_group(cluster, settings):
    settings.ALERT_FAILURES = 4
    for n in range(4):
        Attempt.objects.create(job_id=f"j{n}", number=1, func=tasks.fail.path, error="ValueError: on fire")
    [trouble] = troubles.find()
    assert trouble.key == "failures"
    assert "4 jobs failed" in trouble.text
    assert "on fire" in trouble.text
    Attempt.objects.filter(job_id__in=["j0", "j1"]).update(stopped_at=timezone.now() - timedelta(hours=1))
    assert troubles.find() == []
    assert len(troubles.find({"failures"})) == 1
    mutes.mute("tests.fail", "ValueError: on fire", "day")
    assert troubles.find({"failures"}) == []


def check(*options):
    out = StringIO()
    try:
        call_command("check_health", "--confirm", "0", *options, stdout=out, stderr=out)
    except SystemExit as ended:
        return ended.code, out.getvalue()
    return 0, out.getvalue()


def test_that_no_cluster_lives_is_told_from_outside_once_and_when_one_is_back(post, hook, request):
    assert check("--alert")[0] == 1
    assert check("--alert")[0] == 1
    request.getfixturevalue("cluster")
    assert check("--alert") == (0, "All is well.\n")
    assert [subject[:24] for subject in subjects(post)] == [
        "[IMS] warning: No living",
        "[IMS] over: No living cl",
    ]
    assert len(hook.requests) == 2


def test_without_a_cluster_people_hear_of_that_and_not_of_all_that_follows():
    schedules.sync()
    tasks.leave_effect.enqueue()
    long_ago = timezone.now() - timedelta(hours=1)
    Schedule.objects.update(next_run=long_ago)
    QueuedJob.objects.update(lock=long_ago)
    assert [each.key for each in troubles.find()] == ["cluster"]
    assert "starved:normal" in [each.key for each in troubles.find({"starved:normal"})]


def test_what_nobody_took_is_told_by_the_next_look(post, hook):
    post.fail("MAIL", "451 Later")
    hook.fail(status=500)
    assert "Nobody could be warned" in check("--alert")[1]
    assert not Incident.objects.exists()
    check("--alert")
    assert (len(post.letters), Incident.objects.count()) == (1, 1)


def test_what_is_long_over_is_pruned_and_what_goes_on_stays():
    now = timezone.now()
    for key, ended in (("old", 366), ("recent", 364), ("open", None)):
        over = now - timedelta(days=ended) if ended else None
        Incident.objects.create(key=key, text="x", began_at=now - timedelta(days=500), ended_at=over)
    assert history.prune(now)["incidents"] == 1
    assert set(Incident.objects.values_list("key", flat=True)) == {"recent", "open"}


def test_without_alert_it_only_looks(post):
    code, words = check()
    assert (code, words) == (
        1,
        "cluster: No living cluster: no job runs. Start one with `manage.py qcluster`.\n",
    )
    assert not post.letters


def test_that_the_database_is_away_is_told_once_and_when_it_is_back(post, cluster, tmp_path):
    memory = str(tmp_path / "away")

    def broken(*_, **__):
        raise OperationalError("gone")

    with connection.execute_wrapper(broken):
        assert check("--alert", "--memory", memory)[0] == 2
        assert check("--alert", "--memory", memory)[0] == 2
    check("--alert", "--memory", memory)
    assert len(post.letters) == 2
    assert "The database does not answer." in subjects(post)[1]

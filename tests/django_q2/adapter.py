"""A plugin of pytest for Django Q2's shipped tests: our classes in place of its own, and the exceptions.

It is loaded before Django is set up: what needs Django is imported where it is used.
"""

import pytest
from django.utils import timezone

from tests.django_q2.exceptions import EXCEPTIONS, LEFT_OUT, SLOW
from tests.site.migrated import django_db_keepdb  # noqa: F401 - a fixture

WHAT_THEY_DO = (  # and Django warns of
    "ignore:DateTimeField .* received a naive datetime",
    "ignore:Overriding setting DATABASES",
)


@pytest.fixture(autouse=True)
def _ours(request, monkeypatch):
    from scheduling.cluster import Cluster
    from scheduling.supervisor import Supervisor

    ours = {"Cluster": Cluster, "Sentinel": Supervisor, "scheduler": scheduler}
    for name, replacement in ours.items():
        if hasattr(request.module, name):
            monkeypatch.setattr(request.module, name, replacement)


def scheduler(broker=None):
    """One round of ours. With `catch_up` it is held at the time that was missed.

    A round holds a missed run once, however late it is. A scheduler that catches up is one that was held at
    each of the missed times.
    """
    from django_q.conf import Conf
    from django_q.models import Schedule

    from scheduling.due import enqueue_due

    due = Schedule.objects.exclude(repeats=0).filter(next_run__lt=timezone.now())
    if last := due.order_by("next_run").last():
        enqueue_due(last.next_run if Conf.CATCH_UP else timezone.now())


# --- pytest -----------------------------------------------------------------------------------------------
def pytest_collection(session):
    from tests.django_q2 import declarations

    declarations.declare()


def pytest_collection_modifyitems(config, items):
    unknown = {*EXCEPTIONS, *LEFT_OUT, *SLOW} - {item.nodeid for item in items}
    if unknown and not config.option.keyword:
        raise pytest.UsageError(f"Listed, but Django Q2 ships no such test: {', '.join(sorted(unknown))}")
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in LEFT_OUT])
    items[:] = [item for item in items if item.nodeid not in LEFT_OUT]
    for item in items:
        # Our queue is in the database, so that what the processes of a cluster shall see must be committed.
        item.add_marker(pytest.mark.django_db(transaction=True), append=False)
        for warning in WHAT_THEY_DO:
            item.add_marker(pytest.mark.filterwarnings(warning))
        if item.nodeid in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A listed test fails where the list says, or the list is wrong."""
    report = yield
    listed = EXCEPTIONS.get(item.nodeid)
    if listed is None or call.when != "call":
        return report
    if call.excinfo is None:
        report.outcome, report.longrepr = "failed", "It holds after all: take it from the list of exceptions."
    elif listed.fails_at == _failed_statement(item, call):
        report.outcome, report.wasxfail = "skipped", listed.reason
    return report


def _failed_statement(item, call):
    own = [entry for entry in call.excinfo.traceback if entry.path == item.path]
    return " ".join(str(own[-1].statement).split()) if own else ""

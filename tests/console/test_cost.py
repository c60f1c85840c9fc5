"""Pages and API cost the same few statements with a long history as with a short one, count no history, and
read no payload or result."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import Task

from scheduling import schedules
from scheduling.models import QueuedJob
from tests.scheduling.test_search import fill

pytestmark = pytest.mark.django_db
ADDRESSES = [
    "/",
    "/console/",
    "/console/jobs/",
    "/console/jobs/?state=succeeded",
    "/console/jobs/?state=failed&q=nothing",
    "/console/failures/",
    "/console/schedules/",
    "/console/schedules/site_every/",
    "/console/audit/",
    "/console/charts/?span=month",
    "/console/tasks/",
    "/console/alerts/",
    "/readyz",
    "/api/scheduling/jobs/",
    "/api/scheduling/failures/",
    "/api/scheduling/queues/",
    "/api/scheduling/clusters/",
    "/api/scheduling/schedules/",
    "/api/scheduling/audit/",
    "/api/scheduling/figures/?span=day",
    "/api/scheduling/incidents/",
    "/api/scheduling/tasks/",
]
MOST = 30  # statements, with the person's session, roles and bell
sizes = pytest.mark.parametrize(
    ("waiting", "finished"), [(60, 120), pytest.param(10_000, 100_000, marks=pytest.mark.slow)]
)


@sizes
def test_each_costs_the_same_however_many_jobs_there_are(client, operator, waiting, finished):
    schedules.sync()
    client.force_login(operator)
    fill(2, 300)  # some of them failed
    few = {address: len(statements_of(client, address)) for address in ADDRESSES}
    Task.objects.all().delete()
    QueuedJob.objects.all().delete()
    fill(waiting, finished)
    for address in ADDRESSES:
        statements = statements_of(client, address)
        assert len(statements) <= few[address] + 1 <= MOST, address
        counts = [sql for sql in statements if "COUNT" in sql.upper() and '"django_q_task"' in sql]
        # What is counted is the failures of the last days, and the runs of one schedule.
        assert not [sql for sql in counts if '"stopped" >= ' not in sql and '"group"' not in sql], address


def statements_of(client, address):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code in {200, 503}
    return [query["sql"] for query in captured]

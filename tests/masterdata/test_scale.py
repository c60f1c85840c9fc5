"""A full update of many orders: few statements, few requests, within Track123's limit."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from masterdata import runs, tracking_service
from masterdata.models import PackingSlip, Parcel, ParcelEvent, TrackingBatch
from tests.masterdata.many import ship_many

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.heavy]


@pytest.fixture
def unlimited(settings, vendor) -> None:
    settings.TRACK123_REQUESTS_PER_SECOND = 1000
    vendor.per_second = 0


def statements_of(do: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        do()
    return len(captured)


def test_statements_grow_with_batches_and_not_with_slips(vendor, unlimited):
    """A batch costs the same whether it holds ten slips or a hundred."""
    slips = ship_many(vendor, 110)
    small, large = slips[:10], slips[10:]

    def update(chosen: list[PackingSlip]) -> int:
        batch = TrackingBatch.objects.create(
            run=runs.queued("job"), slip_ids=[slip.pk for slip in chosen], total=len(chosen)
        )
        return statements_of(lambda: runs.update_batch(batch.pk))

    few, many = update(small), update(large)
    assert ParcelEvent.objects.count() == 220
    assert many <= few + 6  # SQLite takes 999 values in one statement: large inserts are cut up


def test_twice_the_slips_are_twice_the_batches_and_nothing_more(vendor, unlimited):
    counts = []
    for size in (1_000, 2_000):
        PackingSlip.objects.all().delete()
        ship_many(vendor, size)
        counts.append(statements_of(tracking_service.update_all_pending_orders))
    assert counts[0] < 10 * 50
    assert counts[1] <= 2 * counts[0]


def test_planning_new_slips_takes_few_statements(vendor, unlimited):
    """Slips that outside code wrote have no parcels yet: they are made in bulk."""
    ship_many(vendor, 1_000)
    Parcel.objects.all().delete()
    assert statements_of(runs.plan) < 100
    assert Parcel.objects.count() == 1_000


def test_a_batch_that_fails_harms_no_other(vendor, unlimited):
    ship_many(vendor, 300)
    batch_ids = runs.begin(runs.plan())
    vendor.fail(status=503, times=1)
    with pytest.raises(Exception, match="503"):
        runs.update_batch(batch_ids[0])
    for batch_id in batch_ids[1:]:
        runs.update_batch(batch_id)
    progress = runs.latest_progress()
    assert (progress.done, progress.failed, progress.is_running) == (200, 100, False)


def test_a_slip_that_cannot_be_written_harms_no_other(vendor, unlimited):
    """The database itself refuses one of them, whatever its reason."""
    slips = ship_many(vendor, 20)
    with refusing_parcel(Parcel.objects.get(slip=slips[7]).pk):
        totals = tracking_service.update_all_pending_orders()
    assert (totals["updated"], totals["failed"]) == (19, 1)
    assert PackingSlip.objects.filter(tracking_status="In Transit").count() == 19


class refusing_parcel:  # noqa: N801
    """Inside, the database refuses every change of this parcel, by a trigger."""

    def __init__(self, pk: int) -> None:
        self.pk = pk

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            for statement in TRIGGERS[connection.vendor][0]:
                cursor.execute(statement.replace("PARCEL", str(self.pk)))

    def __exit__(self, *_: object) -> None:
        with connection.cursor() as cursor:
            for statement in TRIGGERS[connection.vendor][1]:
                cursor.execute(statement)


TRIGGERS = {
    "sqlite": (
        [
            "CREATE TRIGGER refusal BEFORE UPDATE ON masterdata_parcel WHEN NEW.id = PARCEL"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ],
        ["DROP TRIGGER refusal"],
    ),
    "postgresql": (
        [
            "CREATE FUNCTION refusal() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE unique_violation; END $$",
            "CREATE TRIGGER refusal BEFORE UPDATE ON masterdata_parcel FOR EACH ROW"
            " WHEN (NEW.id = PARCEL) EXECUTE FUNCTION refusal()",
        ],
        ["DROP TRIGGER refusal ON masterdata_parcel", "DROP FUNCTION refusal()"],
    ),
}


# --- by real clusters ---------------------------------------------------------------------------------------
def update_by_two_clusters(qcluster, vendor, wait_for, timeout: float, **environment: str) -> None:
    tracking_service.cancel_tracking_schedule()  # else it asks too, at once: a new schedule is due
    for _ in range(2):
        qcluster(TRACK123_BASE_URL=vendor.url, **environment)
    tracking_service.trigger_immediate_update()  # the clusters' start is not what is measured
    wait_for(lambda: (now := runs.latest_progress()) and now.run.started_at, timeout=60)
    wait_for(lambda: (now := runs.latest_progress()).done == now.run.total, timeout=timeout, every=0.5)


def keeps_the_limit(vendor) -> bool:
    """At most five queries a second arrived, looked at in spans of two: one may come late here."""
    times = sorted(request.at for request in vendor.asked("query"))
    return max(sum(start <= at < start + 2 for at in times) for start in times) <= 10


def test_two_clusters_update_a_thousand_orders_with_ten_queries(vendor, qcluster, wait_for):
    ship_many(vendor, 1_000)
    update_by_two_clusters(qcluster, vendor, wait_for, 60)
    assert PackingSlip.objects.filter(tracking_status="In Transit").count() == 1_000
    assert len(vendor.asked("query")) in (10, 11)  # one to spare where this machine is too busy to keep time
    assert vendor.asked("import") == []
    assert keeps_the_limit(vendor)


@pytest.mark.slow
def test_two_clusters_update_ten_thousand_orders_at_track123s_own_pace(vendor, qcluster, wait_for):
    ship_many(vendor, 10_000)
    update_by_two_clusters(qcluster, vendor, wait_for, 120)
    assert PackingSlip.objects.filter(tracking_status="In Transit").count() == 10_000
    assert len(vendor.asked("query")) <= 101  # one to spare for a retry
    assert keeps_the_limit(vendor)
    progress = runs.latest_progress()
    assert (progress.done, progress.failed) == (10_000, 0)

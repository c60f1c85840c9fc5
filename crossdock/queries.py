"""What pages and API ask about price requests, groups and offers."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet
from django.utils.timezone import now

from crossdock.models import CrossDockTask, Offer, Status, Supplier, SupplierGroup
from crossdock.original import oldest
from ims.accounts.models import User

LEAST_PERCENT = 3  # before it nobody can tell how long it will take


@dataclass(frozen=True)
class Freshness:
    """Whether a group's suppliers have sent offers that count."""

    suppliers: int
    fresh: int  # of them, with offers of the last days
    newest: datetime | None


def search(
    q: str = "", status: str = "", owner: str = "", user: User | None = None
) -> QuerySet[CrossDockTask]:
    """Price requests, newest first; `q` is a part of a file's, group's or owner's name."""
    found = CrossDockTask.objects.select_related("user", "cancelled_by")
    if q:
        names = ("filename", "supplier_group", "user__username", "user__first_name", "user__last_name")
        anywhere = Q()
        for name in names:
            anywhere |= Q(**{f"{name}__icontains": q})
        found = found.filter(anywhere)
    if status in Status.values:
        found = found.filter(status=status)
    if owner == "mine":
        found = found.filter(user=user)
    return found.order_by("-created_at", "-id")


def groups() -> list[str]:
    return list(SupplierGroup.objects.values_list("name", flat=True))


def freshness(group: str, at: datetime | None = None) -> Freshness:
    newest = [
        Offer.objects.filter(supplier=pk).aggregate(newest=Max("updated_at"))["newest"]
        for pk in Supplier.objects.filter(groups__name=group).values_list("pk", flat=True)
    ]
    since = oldest(at or now())
    known = [moment for moment in newest if moment]
    return Freshness(len(newest), sum(moment >= since for moment in known), max(known, default=None))


def seconds_taken(task: CrossDockTask, at: datetime) -> float | None:
    """How long it has run, or ran."""
    if not task.started_at:
        return None
    return ((task.finished_at or at) - task.started_at).total_seconds()


def seconds_left(task: CrossDockTask, at: datetime) -> float | None:
    """How long it will probably still run, as fast as it has run so far."""
    taken = seconds_taken(task, at)
    if task.status != Status.RUNNING or taken is None or task.percent < LEAST_PERCENT:
        return None
    return taken * (100 - task.percent) / task.percent


def place_in_queue(task: CrossDockTask) -> int:
    """1 for the next to start."""
    earlier = CrossDockTask.objects.filter(status=Status.PENDING, created_at__lt=task.created_at)
    return earlier.count() + 1


def figures(user: User) -> dict[str, int]:
    """Of the card on the home page."""
    last_day = Q(status=Status.FAILED, finished_at__gte=oldest(now()))
    return CrossDockTask.objects.aggregate(
        waiting=Count("pk", filter=Q(status=Status.PENDING)),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        failed=Count("pk", filter=last_day & Q(user=user)),
    )

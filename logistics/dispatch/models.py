"""What daughter stations ask for, who was offered the trip, and the queue of vehicles at a mother station."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from ims.lib.models import BaseModel
from logistics.fleet.models import Driver, KilogramField, Station, Vehicle


class Priority(models.TextChoices):
    HIGH = "H", "High"
    CRITICAL = "C", "Critical"
    NORMAL = "N", "Normal"
    FDODO = "FDODO", "FDODO"


class RequestStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    QUEUED = "QUEUED", "Waits for a vehicle"
    REJECTED = "REJECTED", "Rejected"
    CANCELLED = "CANCELLED", "Cancelled"
    APPROVED = "APPROVED", "Approved, no driver yet"
    ASSIGNING = "ASSIGNING", "Offered to a driver"
    ASSIGNED = "ASSIGNED", "Assigned"
    COMPLETED = "COMPLETED", "Completed"


ASSIGNABLE = (RequestStatus.PENDING, RequestStatus.APPROVED, RequestStatus.QUEUED)
OPEN = (*ASSIGNABLE, RequestStatus.ASSIGNING, RequestStatus.ASSIGNED)


# Not as parameters: only so SQLite sees that the partial index request_open fits. Few of many are open.
IS_OPEN = Func(
    F("status"),
    template=f"%(expressions)s IN ({', '.join(repr(str(status)) for status in OPEN)})",
    output_field=models.BooleanField(),
)


class AssignmentMode(models.TextChoices):
    AUTO = "AUTO", "First vehicle in the queue"
    MANUAL = "MANUAL", "Chosen by the EIC"


class StockRequest(BaseModel):
    """A daughter station asks its mother station for gas."""

    dbs = models.ForeignKey(
        Station, on_delete=models.PROTECT, related_name="stock_requests", limit_choices_to={"type": "DBS"}
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_qty_kg = KilogramField(validators=[MinValueValidator(1)])
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.NORMAL)
    status = models.CharField(max_length=16, choices=RequestStatus.choices, default=RequestStatus.PENDING)
    assignment_mode = models.CharField(max_length=8, choices=AssignmentMode.choices, blank=True, null=True)
    assignment_started_at = models.DateTimeField(null=True, blank=True)
    target_driver = models.ForeignKey(
        Driver, null=True, blank=True, on_delete=models.PROTECT, related_name="stock_requests"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    rejected_at = models.DateTimeField(null=True, blank=True)
    notes = models.TextField(blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was rejected or cancelled.")
    expiries = models.PositiveIntegerField(default=0, help_text="Offers of it that no driver answered.")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["assignment_started_at"], condition=Q(status="ASSIGNING"), name="request_by_deadline"
            ),
            models.Index(
                fields=["dbs"],
                condition=Q(status__in=["PENDING", "APPROVED", "QUEUED", "ASSIGNING", "ASSIGNED"]),
                name="request_open",
            ),
            models.Index(fields=["dbs", "-created_at", "-id"], name="stock_request_newest"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(requested_qty_kg__gt=0), name="request_asks_for_something"),
            models.CheckConstraint(
                condition=Q(status__in=RequestStatus.values), name="stock_request_status_known"
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="request_priority_known"),
            models.CheckConstraint(
                condition=~Q(status="ASSIGNING")
                | Q(assignment_started_at__isnull=False, target_driver__isnull=False),
                name="request_offered_to_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="PENDING")
                | Q(assignment_started_at=None, target_driver=None, assignment_mode=None),
                name="request_pending_is_nobodys",
            ),
            models.UniqueConstraint(
                fields=["target_driver"], condition=Q(status="ASSIGNING"), name="request_one_offer_per_driver"
            ),
        ]

    def __str__(self) -> str:
        return f"Request {self.pk}"

    @property
    def expires_at(self) -> datetime | None:
        """When the open offer ends."""
        if self.status != RequestStatus.ASSIGNING or self.assignment_started_at is None:
            return None
        return self.assignment_started_at + answer_time()

    @property
    def is_escalated(self) -> bool:
        return self.expiries >= ESCALATED_AFTER and self.status in ASSIGNABLE


ESCALATED_AFTER = 3  # unanswered offers


def answer_time() -> timedelta:
    """How long a driver has to answer an offer."""
    return timedelta(seconds=settings.DRIVER_ASSIGNMENT_TIMEOUT_SECONDS)


class Answer(models.TextChoices):
    OPEN = "", "Open"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Not answered"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Offer(models.Model):
    """One trip offered to one driver, and the answer: what the request itself forgets."""

    request = models.ForeignKey(StockRequest, on_delete=models.CASCADE, related_name="offers")
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="offers")
    vehicle = models.ForeignKey(
        Vehicle, null=True, blank=True, on_delete=models.PROTECT, related_name="offers"
    )
    offered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    offered_at = models.DateTimeField(default=timezone.now)
    answer = models.CharField(max_length=16, choices=Answer.choices, blank=True, default=Answer.OPEN)
    answered_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["request", "-id"], name="offer_history"),
            models.Index(fields=["driver", "-offered_at"], name="offer_of_driver"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="offer_answer_known"),
            models.CheckConstraint(
                condition=Q(answer="", answered_at=None) | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="offer_answered_at_a_time",
            ),
            models.UniqueConstraint(fields=["request"], condition=Q(answer=""), name="offer_one_open"),
            models.UniqueConstraint(
                fields=["driver"], condition=Q(answer=""), name="offer_one_open_per_driver"
            ),
            models.UniqueConstraint(
                fields=["vehicle"], condition=Q(answer=""), name="offer_one_open_per_vehicle"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} to {self.driver}"


class TokenStatus(models.TextChoices):
    WAITING = "WAITING", "Waiting"
    ALLOCATED = "ALLOCATED", "Allocated"
    EXPIRED = "EXPIRED", "Expired"


class VehicleToken(BaseModel):
    """A vehicle's place in the queue of a mother station, good until midnight."""

    ms = models.ForeignKey(
        Station, on_delete=models.PROTECT, related_name="tokens", limit_choices_to={"type": "MS"}
    )
    vehicle = models.ForeignKey(Vehicle, on_delete=models.PROTECT, related_name="tokens")
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="tokens")
    date = models.DateField(help_text="The day where operations are.")
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=40, unique=True, editable=False)
    status = models.CharField(max_length=16, choices=TokenStatus.choices, default=TokenStatus.WAITING)
    request = models.OneToOneField(
        StockRequest, null=True, blank=True, on_delete=models.SET_NULL, related_name="token"
    )

    class Meta:
        ordering = ["ms", "date", "sequence"]
        indexes = [
            models.Index(fields=["ms", "date", "sequence"], condition=Q(status="WAITING"), name="token_queue")
        ]
        constraints = [
            models.UniqueConstraint(fields=["ms", "date", "sequence"], name="token_place_once"),
            models.UniqueConstraint(
                fields=["vehicle"], condition=Q(status="WAITING"), name="token_one_waiting_per_vehicle"
            ),
            models.CheckConstraint(condition=Q(status__in=TokenStatus.values), name="token_status_known"),
            models.CheckConstraint(
                condition=~Q(status="WAITING") | Q(request=None), name="token_waiting_is_free"
            ),
        ]

    def __str__(self) -> str:
        return self.number

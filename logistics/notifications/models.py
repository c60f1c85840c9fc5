"""The devices that people carry, and a record of each message to each of them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ims.lib.models import BaseModel


class Platform(models.TextChoices):
    ANDROID = "android", "Android"
    IOS = "ios", "iOS"
    WEB = "web", "Web"


class DeviceToken(BaseModel):
    """A phone or browser that Firebase can reach. A token belongs to the person who registered it last."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    token = models.CharField(max_length=512, unique=True)
    platform = models.CharField(max_length=16, choices=Platform.choices, default=Platform.ANDROID)
    is_active = models.BooleanField(default=True, help_text="Off once Firebase says that the app is gone.")
    registered_at = models.DateTimeField(default=timezone.now)
    ended_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-registered_at", "-id"]
        indexes = [models.Index(fields=["user"], condition=Q(is_active=True), name="device_active")]
        constraints = [models.CheckConstraint(condition=~Q(token=""), name="device_has_token")]

    def __str__(self) -> str:
        return f"{self.get_platform_display()} …{self.token[-6:]}"


class Channel(models.TextChoices):
    PUSH = "push", "Push"
    EMAIL = "email", "E-mail"


class DeliveryStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    NOT_CONFIGURED = "not_configured", "Not configured"


class Notification(BaseModel):
    """One message to one person on one device, or by e-mail. What the bell shows is a Notice of its own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    device = models.ForeignKey(
        DeviceToken, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    channel = models.CharField(max_length=16, choices=Channel.choices)
    type = models.CharField(max_length=64, help_text="e.g. ASSIGNMENT_EXPIRED")
    title = models.CharField(max_length=200)
    message = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True, help_text="What the phone's app gets; texts alone.")
    key = models.CharField(
        max_length=200, help_text="Names the event: one record each device, whatever is retried."
    )
    status = models.CharField(max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.QUEUED)
    reason = models.CharField(
        max_length=500, blank=True, help_text="Why it failed, or waits for another try."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["key"], name="notification_event")]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "device"], condition=Q(channel="push"), name="push_once_per_device"
            ),
            models.UniqueConstraint(
                fields=["key", "user"], condition=Q(channel="email"), name="email_once_per_person"
            ),
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values), name="notification_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(reason=""), name="notification_failed_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} to {self.user}"

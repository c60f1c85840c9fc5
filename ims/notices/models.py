"""What people are told: notices under the bell, what each has muted, and letters that go out once."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from ims.lib.models import BaseModel


class Notice(BaseModel):
    """One event, told to one person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=64, help_text="e.g. tracking.exception; people mute by kind.")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=500, blank=True, help_text="The page it is about, on this site.")
    key = models.CharField(max_length=200, blank=True, help_text="Names the event: told once to each person.")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_newest"),
            models.Index(fields=["user", "-id"], condition=Q(read_at=None), name="notice_unread"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "key"], condition=~Q(key=""), name="notice_once_per_event"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="notice_has_title"),
        ]

    def __str__(self) -> str:
        return self.title


class NoticeMute(BaseModel):
    """A kind of notice that one person does not want."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="mute_once_per_kind")]

    def __str__(self) -> str:
        return f"{self.user} does not want {self.kind}"


class LetterState(models.TextChoices):
    """How far a letter is. From `sending` it leaves only by an answer of the mail server."""

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    UNSURE = "unsure", "Unsure whether it arrived"
    REFUSED = "refused", "Refused"
    DROPPED = "dropped", "Not needed any more"


class Letter(BaseModel):
    """An e-mail that goes out once, whatever is retried: to a user, or to an address outside."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    address = models.EmailField(blank=True, help_text="Of somebody without a login.")
    key = models.CharField(max_length=200, help_text="Names the letter, e.g. tracking_digest:2026-11-22")
    state = models.CharField(max_length=16, choices=LetterState.choices, default=LetterState.WAITING)
    told = models.JSONField(default=list, help_text="What it told, so that the next one knows what is new.")
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often the mail server was asked.")
    is_kept = models.BooleanField(default=False, help_text="Kept as long as what it is about.")
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="letter_once_per_person"),
            models.UniqueConstraint(fields=["key"], condition=Q(user=None), name="letter_once_outside"),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | ~Q(address=""), name="letter_goes_somewhere"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.user or self.address}"

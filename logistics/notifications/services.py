"""Tell people: at the bell, on their phones, by e-mail. The only writer of notifications.

A message's key names the event. Whatever is retried, each device has one record of it, and one that FCM took
is not sent to again. Nothing here may be called inside a transaction, except record().
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.html import escape, linebreaks
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib.pruning import delete_created_before
from ims.notices import letters
from ims.notices import services as notices
from logistics.notifications import fcm
from logistics.notifications.kinds import kind_of
from logistics.notifications.models import Channel, DeliveryStatus, DeviceToken, Notification

MOST_TRIES = 5  # of one message to one device
BATCH = fcm.MAX_MESSAGES
KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Message:
    """What people are told of one event; `url` is the page it is about, `data` what the phone's app gets."""

    type: str
    title: str
    body: str
    key: str
    data: dict[str, str] = field(default_factory=dict)
    url: str = ""
    by_email: bool = False


class NotDelivered(Exception):
    """Some of it did not go out for a passing reason; `retry_after` in seconds where FCM named a time."""

    permanent = False

    def __init__(self, count: int, reason: str, retry_after: float | None) -> None:
        super().__init__(f"{count} not delivered yet: {reason}")
        if retry_after is not None:
            self.retry_after = retry_after


def tell(users: Iterable[User], message: Message) -> int:
    """Tell these people of one event; returns how many devices were really reached so far.

    Raises NotDelivered where another try may reach more.
    """
    record(users, message)
    return deliver(message.key)


def record(users: Iterable[User], message: Message) -> None:
    """Note what is to be sent to whom, and put it under the bell; people who muted the kind are left out."""
    kind = kind_of(message.type)
    muted = set(notices.muting(kind))
    told = [user for user in users if user.is_active and user.pk not in muted]
    notices.notify(told, kind, message.title, message.body, message.url, message.key)
    rows = [_push(message, device) for device in _devices(told)]
    if message.by_email:
        rows += [_row(message, Channel.EMAIL, user=user) for user in told if user.email]
    Notification.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def deliver(key: str) -> int:
    """Send what waits of this event; returns how many devices were reached, this time and before."""
    waiting = Notification.objects.filter(key=key, status=DeliveryStatus.QUEUED).select_related(
        "device", "user"
    )
    pushes = list(waiting.filter(channel=Channel.PUSH))
    failures: list[fcm.Outcome] = []
    for start in range(0, len(pushes), BATCH):
        failures += _send(pushes[start : start + BATCH])
    for row in waiting.filter(channel=Channel.EMAIL):
        failures += _mail(row)
    if failures:
        waits = [each.retry_after for each in failures if each.retry_after is not None]
        raise NotDelivered(len(failures), failures[0].error, max(waits, default=None))
    return reached(key)


def drop(key: str, reason: str) -> int:
    """Send no more of an event that is over; returns how many devices were reached before."""
    waiting = Notification.objects.filter(key=key, status=DeliveryStatus.QUEUED)
    waiting.update(status=DeliveryStatus.FAILED, reason=reason, updated_at=now())
    return reached(key)


def reached(key: str) -> int:
    """How many devices got this message."""
    sent = Notification.objects.filter(key=key, channel=Channel.PUSH, status=DeliveryStatus.SENT)
    return sent.count()


# --- What waits -----------------------------------------------------------------------------------------


def _devices(users: Iterable[User]) -> list[DeviceToken]:
    wanted = DeviceToken.objects.filter(user__in=list(users), is_active=True)
    return list(wanted.select_related("user").order_by("pk"))


def _push(message: Message, device: DeviceToken) -> Notification:
    status = DeliveryStatus.QUEUED if fcm.is_configured() else DeliveryStatus.NOT_CONFIGURED
    return _row(message, Channel.PUSH, user=device.user, device=device, status=status)


def _row(message: Message, channel: Channel, **fields: object) -> Notification:
    return Notification(
        channel=channel,
        type=message.type,
        title=message.title[:200],
        message=message.body,
        data=message.data,
        key=message.key,
        **fields,
    )


# --- Sending --------------------------------------------------------------------------------------------


def _send(rows: Sequence[Notification]) -> list[fcm.Outcome]:
    """Send up to 500 pushes, keep what became of each, and return the failures that may pass."""
    begun = now()
    sendable = [row for row in rows if _is_reachable(row)]
    outcomes = dict(zip(sendable, _ask(sendable), strict=True))
    for row in rows:
        _note(row, outcomes.get(row) or fcm.Outcome(UNREACHABLE), begun)
    Notification.objects.bulk_update(rows, ["status", "reason", "attempts", "sent_at", "updated_at"])
    gone = [row.device_id for row, outcome in outcomes.items() if outcome.is_gone and row.device_id]
    ended = DeviceToken.objects.filter(pk__in=gone, registered_at__lte=begun)
    ended.update(is_active=False, ended_because="Firebase no longer knows it.", updated_at=begun)
    return [outcome for outcome in outcomes.values() if outcome.is_passing]


UNREACHABLE = "The device was signed out, or belongs to another person now."


def _is_reachable(row: Notification) -> bool:
    """Whether the device is still this very person's."""
    return row.device is not None and row.device.is_active and row.device.user_id == row.user_id


def _ask(rows: Sequence[Notification]) -> list[fcm.Outcome]:
    pushes = [
        fcm.Push(row.device.token, row.title, row.message, row.data, row.key) for row in rows if row.device
    ]
    try:
        return fcm.send(pushes)
    except fcm.FcmError as error:
        return [fcm.Outcome(str(error), is_passing=not error.permanent)] * len(rows)


def _note(row: Notification, outcome: fcm.Outcome, moment: datetime) -> None:
    row.attempts += 1
    row.reason = outcome.error[:500]
    row.updated_at = moment
    if not outcome.error:
        row.status, row.sent_at = DeliveryStatus.SENT, moment
    elif not outcome.is_passing or row.attempts >= MOST_TRIES:
        row.status = DeliveryStatus.FAILED


def _mail(row: Notification) -> list[fcm.Outcome]:
    """Send one e-mail, once whatever is retried."""
    draft = letters.Draft(row.title, row.message, linebreaks(escape(row.message)))
    try:
        went_out = letters.send_once(row.user, row.key, draft)
        outcome = fcm.Outcome("" if went_out else "An earlier try was broken off: see the letters.")
    except letters.LetterError as error:
        outcome = fcm.Outcome(str(error), is_passing=not error.permanent)
    _note(row, outcome, now())
    row.save(update_fields=["status", "reason", "attempts", "sent_at", "updated_at"])
    return [outcome] if outcome.is_passing else []


# --- Housekeeping ---------------------------------------------------------------------------------------


def prune(at: datetime) -> int:
    """Delete notifications older than 90 days; returns how many went."""
    return delete_created_before(at - KEPT, Notification.objects.all())

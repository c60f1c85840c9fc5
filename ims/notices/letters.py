"""Send an e-mail once, though its job may run twice.

A letter is claimed before the mail server hears of it. What the server refused for now, or did not get whole,
may be tried again; where nobody can know whether it took the letter (the connection broke after its last
line), it is not sent a second time.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.mail import EmailMultiAlternatives, get_connection
from django.db.models import F
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext as _

from ims.accounts.models import User
from ims.notices.models import Letter, LetterState

PASSING = range(400, 500)  # SMTP replies: try again later
LONGEST_SENDING = timedelta(minutes=5)  # every sender's job ends sooner: whoever was sending it has died


class LetterError(Exception):
    """A letter did not go out, or nobody knows; `permanent`: whether another try is of no use."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a letter."""

    name: str
    content: bytes
    mimetype: str


@dataclass(frozen=True)
class Draft:
    """What a letter says; `told` is remembered for the next one."""

    subject: str
    text: str
    html: str
    told: list[str] = field(default_factory=list)
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""


def recipients(key: str) -> set[int]:
    """The ids of the people to whom this letter is on its way or beyond: it is not sent to them again."""
    begun = Letter.objects.filter(key=key).exclude(state=LetterState.WAITING)
    return {pk for pk in begun.values_list("user_id", flat=True) if pk is not None}


def last_told(user: User, prefix: str) -> set[str]:
    """What the newest letter of this sort told this person."""
    sent = Letter.objects.filter(user=user, key__startswith=prefix, state=LetterState.SENT)
    newest = sent.order_by("-id").values_list("told", flat=True).first()
    return set(newest or ())


def send_once(user: User, key: str, draft: Draft) -> bool:
    """Send a letter unless that was done before, and say whether it went out now; raises LetterError."""
    letter, _made = Letter.objects.get_or_create(user=user, key=key)
    return _send(letter, user.email, draft)


def send_once_to(address: str, key: str, draft: Draft) -> bool:
    """The same for somebody who has no login; an address that changes meanwhile makes no second letter."""
    letter, _made = Letter.objects.get_or_create(user=None, key=key, defaults={"address": address})
    return send(letter, draft)


def write(address: str, key: str) -> Letter:
    """A letter that is to be sent, and is kept as long as what it is about: prune leaves it alone."""
    return Letter.objects.create(user=None, key=key, address=address, is_kept=True)


def send(letter: Letter, draft: Draft) -> bool:
    """Send one that waits, and say whether it went out now; raises LetterError."""
    return _send(letter, letter.address, draft)


def drop(letter: Letter, reason: str) -> bool:
    """Not needed any more; False where it has begun its way."""
    return _move(letter, LetterState.WAITING, LetterState.DROPPED, error=reason)


def drop_all(prefix: str, reason: str) -> int:
    """The same for all whose keys begin so; returns how many."""
    waiting = Letter.objects.filter(key__startswith=prefix, state=LetterState.WAITING)
    return waiting.update(state=LetterState.DROPPED, error=reason, updated_at=now())


def doubt(letter: Letter, reason: str) -> bool:
    """Whoever was sending it is dead: nobody knows. False where it is not being sent."""
    return _move(letter, LetterState.SENDING, LetterState.UNSURE, error=reason)


def doubt_all(at: datetime) -> int:
    """The same for all whose senders are dead and that nobody else looks after; returns how many."""
    dead = Letter.objects.filter(
        state=LetterState.SENDING, is_kept=False, updated_at__lt=at - LONGEST_SENDING
    )
    return dead.update(state=LetterState.UNSURE, error=died(), updated_at=at)


def died() -> str:
    return _("The worker ended while the mail server was taking it.")


def _send(letter: Letter, address: str, draft: Draft) -> bool:
    """Claimed with the connection open: who dies while the server is out of reach has not begun."""
    if not Letter.objects.filter(pk=letter.pk, state=LetterState.WAITING).exists():
        return False
    message = compose(address, draft, message_id_of(letter))
    try:
        with _connected() as connection:
            if not _move(letter, LetterState.WAITING, LetterState.SENDING, attempts=F("attempts") + 1):
                return False
            deliver(message, connection)
            # Before the farewell, which may take long: what was taken is on record at once.
            _move(letter, LetterState.SENDING, LetterState.SENT, told=draft.told, sent_at=now(), error="")
    except _Unreachable as error:
        _move(
            letter, LetterState.WAITING, LetterState.WAITING, error=_words(error), attempts=F("attempts") + 1
        )
        raise
    except LetterError as error:
        _move(letter, LetterState.SENDING, _state_after(error), error=_words(error))
        raise
    return True


class Unsure(LetterError):
    """The connection broke while the server was taking the letter."""


class _Unreachable(LetterError):
    """It did not come to any letter."""


def _words(error: LetterError) -> str:
    return str(error)[:500]


def _state_after(error: LetterError) -> LetterState:
    if isinstance(error, Unsure):
        return LetterState.UNSURE
    return LetterState.REFUSED if error.permanent else LetterState.WAITING


def _move(letter: Letter, old: LetterState, new: LetterState, **fields: object) -> bool:
    """Compare and set; False where someone was faster."""
    mine = Letter.objects.filter(pk=letter.pk, state=old)
    return bool(mine.update(state=new, updated_at=now(), **fields))


@contextmanager
def _connected() -> Iterator[Any]:
    """An open connection to the mail server; how the farewell goes changes nothing of what was said."""
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        raise _Unreachable(f"The mail server cannot be reached: {error}", permanent=False) from error
    try:
        yield connection
    finally:
        with suppress(OSError, smtplib.SMTPException):
            connection.close()


def message_id_of(letter: Letter) -> str:
    """The same however often it is tried, and without the colon of keys, which no Message-ID may hold."""
    return f"<{slugify(letter.key.replace(':', '-'))}.{letter.pk}@ims>"


def compose(address: str, draft: Draft, message_id: str) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        draft.subject,
        draft.text,
        to=[address],
        reply_to=[draft.reply_to] if draft.reply_to else None,
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(draft.html, "text/html")
    for each in draft.attachments:
        message.attach(each.name, each.content, each.mimetype)
    message.message()  # what cannot be sent at all fails here, before anything has begun
    return message


def deliver(message: EmailMultiAlternatives, connection: Any) -> None:
    """Hand a letter to the mail server; raises LetterError."""
    message.connection = connection
    try:
        message.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        raise _refusal(error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise _broken_off(connection, error) from error


def _broken_off(connection: Any, error: Exception) -> LetterError:
    """Of a server that is not ours to ask (another backend), nothing is known."""
    if getattr(getattr(connection, "connection", None), "awaits_verdict", True):
        return Unsure(f"The mail server broke off, perhaps after taking it: {error}", permanent=True)
    return LetterError(f"The mail server broke off before it had the letter: {error}", permanent=False)


def _refusal(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> LetterError:
    """The server said no, so the letter did not go out: 4xx for now, 5xx for good."""
    code, reply = _reply(error)
    words = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return LetterError(f"The mail server said {code} {words}", permanent=code not in PASSING)


def _reply(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> tuple[int, bytes | str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    return error.smtp_code, error.smtp_error

"""Send an e-mail once, though its job may run twice.

A letter is claimed before the mail server hears of it. What the server refused for now may be tried again;
where nobody can know whether it took the letter (the connection broke in mid-sentence), it is not sent a
second time.
"""

import smtplib
from dataclasses import dataclass, field

from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.timezone import now

from ims.accounts.models import User
from ims.notices.models import Letter, LetterState

PASSING = range(400, 500)  # SMTP replies: try again later


class LetterError(Exception):
    """A letter did not go out, or nobody knows; `permanent`: whether another try is of no use."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class Draft:
    """What a letter says; `told` is remembered for the next one."""

    subject: str
    text: str
    html: str
    told: list[str] = field(default_factory=list)


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
    letter, _ = Letter.objects.get_or_create(user=user, key=key)
    return _send(letter, user.email, draft)


def send_once_to(address: str, key: str, draft: Draft) -> bool:
    """The same for somebody who has no login; an address that changes meanwhile makes no second letter."""
    letter, _ = Letter.objects.get_or_create(user=None, key=key, defaults={"address": address})
    return _send(letter, letter.address, draft)


def _send(letter: Letter, address: str, draft: Draft) -> bool:
    if not _move(letter, LetterState.WAITING, LetterState.SENDING):
        return False
    try:
        deliver(address, draft, f"<{letter.key}.{letter.user_id or 'outside'}@ims>")
    except LetterError as error:
        _move(letter, LetterState.SENDING, _state_after(error), error=str(error)[:500])
        raise
    _move(letter, LetterState.SENDING, LetterState.SENT, told=draft.told, sent_at=now(), error="")
    return True


class Unsure(LetterError):
    """The connection broke while the server was taking the letter."""


def _state_after(error: LetterError) -> LetterState:
    if isinstance(error, Unsure):
        return LetterState.UNSURE
    return LetterState.REFUSED if error.permanent else LetterState.WAITING


def _move(letter: Letter, old: LetterState, new: LetterState, **fields: object) -> bool:
    """Compare and set; False where someone was faster."""
    mine = Letter.objects.filter(pk=letter.pk, state=old)
    return bool(mine.update(state=new, updated_at=now(), **fields))


def deliver(address: str, draft: Draft, message_id: str) -> None:
    """Hand a letter to the mail server; raises LetterError."""
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    connection = get_connection()
    message = EmailMultiAlternatives(
        draft.subject, draft.text, to=[address], headers=headers, connection=connection
    )
    message.attach_alternative(draft.html, "text/html")
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        raise LetterError(f"The mail server cannot be reached: {error}", permanent=False) from error
    try:
        message.send()
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        raise _refusal(error) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Unsure(
            f"The mail server broke off, perhaps after taking it: {error}", permanent=True
        ) from error
    finally:
        connection.close()


def _refusal(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> LetterError:
    """The server said no, so the letter did not go out: 4xx for now, 5xx for good."""
    code, reply = _reply(error)
    words = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return LetterError(f"The mail server said {code} {words}", permanent=code not in PASSING)


def _reply(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> tuple[int, bytes | str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    return error.smtp_code, error.smtp_error

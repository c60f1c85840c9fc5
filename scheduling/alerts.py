"""Warn people, once when something begins and once when it is over, by e-mail and webhook.

A cluster looks every minute and sends by jobs, which are repeated until they are taken. That no cluster lives
must be found from outside: `manage.py check_health --alert`, by a timer, sends directly, and keeps what it
could not send for its next look.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from ims.lib.locks import one_at_a_time
from scheduling import troubles, webhook
from scheduling.operation_models import Incident
from scheduling.troubles import Trouble

LOCK = 7_203_913  # one_at_a_time
Send = Callable[[Incident], None]  # tells of one that began, or that ended


def look(now: datetime, send: Send) -> list[Incident]:
    """Compare what is wrong now with what people were told, and tell the difference; returns it.

    Where `send` raises, nothing is kept of what it should have told.
    """
    going_on = set(Incident.objects.filter(ended_at=None).values_list("key", flat=True))
    found = {trouble.key: trouble for trouble in troubles.find(going_on)}
    told = [_begin(trouble, now, send) for key, trouble in found.items() if key not in going_on]
    told += [_end(key, now, send) for key in going_on - found.keys()]
    return [incident for incident in told if incident]


def by_jobs(incident: Incident) -> None:
    """In the transaction that keeps the incident."""
    from scheduling import tasks

    if settings.ALERT_EMAILS:
        tasks.warn_by_email.enqueue(incident.pk, event(incident))
    if settings.ALERT_WEBHOOK:
        tasks.warn_by_webhook.enqueue(incident.pk, event(incident))


def directly(incident: Incident) -> None:
    """From outside of any cluster. Raises what every way raised; one way that works is enough."""
    ways = [
        way
        for way, wanted in ((by_email, settings.ALERT_EMAILS), (by_webhook, settings.ALERT_WEBHOOK))
        if wanted
    ]
    errors = []
    for way in ways:
        try:
            way(incident, event(incident))
        except Exception as error:  # the mail server's or the network's; the other way may still work
            errors.append(error)
    if ways and len(errors) == len(ways):
        raise ExceptionGroup("Nobody could be warned", errors)


def by_email(incident: Incident, what: str) -> None:
    word = "over" if what == "ended" else "warning"
    lines = [
        incident.text,
        "",
        f"Since {incident.began_at:%Y-%m-%d %H:%M:%S} UTC.",
        *(
            [f"Over at {incident.ended_at:%Y-%m-%d %H:%M:%S} UTC."]
            if what == "ended" and incident.ended_at
            else []
        ),
        "",
        f"{settings.SITE_URL}/console/alerts/",
    ]
    headers = {"Auto-Submitted": "auto-generated"}
    EmailMessage(
        f"[IMS] {word}: {incident.text.splitlines()[0][:120]}", "\n".join(lines), to=settings.ALERT_EMAILS,
        headers=headers,
    ).send()  # fmt: skip


def by_webhook(incident: Incident, what: str) -> None:
    webhook.send(
        settings.ALERT_WEBHOOK,
        f"{incident.key}-{incident.began_at.isoformat()}-{what}",
        as_json(incident, what),
    )


def as_json(incident: Incident, what: str) -> dict[str, Any]:
    return {
        "event": what,
        "key": incident.key,
        "text": incident.text,
        "began_at": incident.began_at.isoformat(),
        "ended_at": incident.ended_at.isoformat() if incident.ended_at and what == "ended" else None,
        "site": settings.SITE_URL,
    }


def event(incident: Incident) -> str:
    return "ended" if incident.ended_at else "began"


@transaction.atomic
def _begin(trouble: Trouble, now: datetime, send: Send) -> Incident | None:
    one_at_a_time(LOCK)
    incident, is_new = Incident.objects.get_or_create(
        key=trouble.key, ended_at=None, defaults={"text": trouble.text, "began_at": now}
    )
    if is_new:
        send(incident)
    return incident if is_new else None


@transaction.atomic
def _end(key: str, now: datetime, send: Send) -> Incident | None:
    one_at_a_time(LOCK)
    incident = Incident.objects.filter(key=key, ended_at=None).first()
    if incident is None:
        return None  # somebody else looked at the same time
    incident.ended_at = now
    incident.save(update_fields=["ended_at"])
    send(incident)
    return incident

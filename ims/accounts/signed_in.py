"""What is kept of sign-ins, and for how long: visitors can make rows here, so none stays for ever."""

from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from knox.models import AuthToken

KEPT = timedelta(days=90)  # who signed in when and from where


def prune(at: datetime) -> dict[str, int]:
    """Returns how many rows went, by what they are."""
    old = {
        "sessions": Session.objects.filter(expire_date__lt=at),
        "tokens": AuthToken.objects.filter(expiry__lt=at),
        "failures": AccessAttempt.objects.filter(attempt_time__lt=at - settings.AXES_COOLOFF_TIME),
        "sign_ins": AccessLog.objects.filter(attempt_time__lt=at - KEPT),
    }
    return {name: rows.delete()[0] for name, rows in old.items()}

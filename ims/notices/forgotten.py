"""The letter with the link for a new password."""

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string

from ims.accounts import forgotten
from ims.accounts.models import User
from ims.notices import letters


def send(address: str, at: datetime) -> int:
    """To each who has this address; returns how many letters went out now. Raises LetterError."""
    people = forgotten.people_at(address)
    return sum(letters.send_once(each, forgotten.key(each, at), draft(each)) for each in people)


def draft(user: User) -> letters.Draft:
    facts = {"name": user.username, "url": forgotten.link(user), "site_url": settings.SITE_URL}
    subject = render_to_string("registration/password_reset_subject.txt").strip()
    text = render_to_string("registration/password_reset_email.txt", facts)
    return letters.Draft(subject, text, render_to_string("registration/password_reset_email.html", facts))

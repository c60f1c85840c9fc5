"""Who forgot a password is sent a link for a new one.

The page does the same for every address, and no more than to ask: a job looks for the account. So nobody
learns from the words or the time of the answer who has one.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from ims.accounts.models import User

PAUSE = 600  # seconds, in which a person is sent one link, however often it is asked for

_followers: list[Callable[[str], Any]] = []


def when_forgotten(follow: Callable[[str], Any]) -> None:
    """Call this with the address that was entered. Apps above this one say so in their AppConfig.ready()."""
    if follow not in _followers:
        _followers.append(follow)


class ForgottenForm(PasswordResetForm):
    def save(self, *_: Any, **__: Any) -> None:
        for follow in _followers:
            follow(self.cleaned_data["email"])


def people_at(address: str) -> list[User]:
    """The active people with this address who sign in by a password."""
    return list(PasswordResetForm().get_users(address))


def link(user: User) -> str:
    """Works once, and for PASSWORD_RESET_TIMEOUT."""
    parts = {
        "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
        "token": default_token_generator.make_token(user),
    }
    return settings.SITE_URL + reverse("password_reset_confirm", kwargs=parts)


def key(user: User, at: datetime) -> str:
    """Names the letter."""
    return f"password_reset:{user.pk}:{int(at.timestamp()) // PAUSE}"

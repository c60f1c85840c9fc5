"""Secrets in the database are encrypted with a key made from SECRET_KEY; who reads the tables learns nothing.

SECRET_KEY_FALLBACKS keep what older keys encrypted readable, so that SECRET_KEY can be changed. Every save
encrypts anew with the current key.
"""

import base64
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

MARK = (
    "encrypted:"  # before the ciphertext; a text without it was written by outside code and is read as it is
)
CURE = _(
    "It was encrypted with another SECRET_KEY and cannot be read:"
    " name that key in SECRET_KEY_FALLBACKS, or enter the secret again."
)


class UnreadableSecret(str):
    """In place of a secret that cannot be decrypted: empty, and saved again as it was stored."""

    stored: str

    def __new__(cls, stored: str) -> "UnreadableSecret":
        empty = super().__new__(cls, "")
        empty.stored = stored
        return empty


def encrypt(secret: str) -> str:
    return MARK + _cipher(_keys()).encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """The secret; an UnreadableSecret where no known key opens it."""
    if not stored.startswith(MARK):
        return stored
    try:
        return _cipher(_keys()).decrypt(stored.removeprefix(MARK)).decode()
    except (InvalidToken, ValueError):
        return UnreadableSecret(stored)


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A text that only the application can read. It cannot be searched for, only for being empty."""

    LOOKUPS = ("exact", "isnull")

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, UnreadableSecret):
            return value.stored
        text = super().get_prep_value(value)
        return encrypt(text) if isinstance(text, str) and text else text

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in self.LOOKUPS:
            raise FieldError(
                f"{self.name} is encrypted: it can be compared with '' alone, not by {lookup_name}."
            )
        return super().get_lookup(lookup_name)


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    derived = [salted_hmac("ims.lib.secrets", "encryption", key, algorithm="sha256").digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in derived])

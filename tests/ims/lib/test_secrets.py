"""Secrets are ciphertext in the database and themselves in the application."""

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from ims.lib.secrets import MARK, UnreadableSecret, decrypt, encrypt
from masterdata.models import GoogleDriveSettings

OTHER_KEY = "another-key-for-tests-that-is-long-enough-to-be-accepted"


@pytest.fixture
def row(db) -> GoogleDriveSettings:
    return GoogleDriveSettings.objects.create(
        email="a@example.com", track123_api_key="top-key", service_account_json='{"k": "ключ"}'
    )


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT track123_api_key || service_account_json FROM masterdata_googledrivesettings")
        return cursor.fetchone()[0]


def test_the_database_holds_no_plain_text(row):
    assert stored().startswith(MARK)
    assert "top-key" not in stored()
    assert "ключ" not in stored()


def test_the_application_reads_the_secret(row):
    read = GoogleDriveSettings.objects.get()
    assert (read.track123_api_key, read.service_account_json) == ("top-key", '{"k": "ключ"}')
    assert list(GoogleDriveSettings.objects.values_list("track123_api_key", flat=True)) == ["top-key"]


def test_the_same_secret_is_never_the_same_ciphertext():
    assert encrypt("top-key") != encrypt("top-key")


def test_an_update_encrypts_too(row):
    GoogleDriveSettings.objects.update(track123_api_key="new-key")
    assert "new-key" not in stored()
    assert GoogleDriveSettings.objects.get().track123_api_key == "new-key"


def test_an_empty_secret_stays_empty_and_can_be_looked_for(row):
    GoogleDriveSettings.objects.create(email="b@example.com")
    assert GoogleDriveSettings.objects.get(track123_api_key="").email == "b@example.com"


def test_a_secret_survives_a_change_of_the_secret_key(row, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OTHER_KEY, [settings.SECRET_KEY]
    read = GoogleDriveSettings.objects.get()
    assert read.track123_api_key == "top-key"
    read.save()
    settings.SECRET_KEY_FALLBACKS = []
    assert GoogleDriveSettings.objects.get().track123_api_key == "top-key"


def test_a_secret_that_cannot_be_decrypted_is_empty_and_not_lost(row, settings):
    right, settings.SECRET_KEY = settings.SECRET_KEY, OTHER_KEY
    read = GoogleDriveSettings.objects.get()
    assert isinstance(read.track123_api_key, UnreadableSecret)
    assert read.track123_api_key == ""
    read.save()
    settings.SECRET_KEY = right
    assert GoogleDriveSettings.objects.get().track123_api_key == "top-key"


@pytest.mark.parametrize("damaged", [MARK, f"{MARK}x", f"{MARK}ключ", encrypt("k")[:-5]])
def test_a_damaged_ciphertext_is_unreadable(damaged):
    assert isinstance(decrypt(damaged), UnreadableSecret)


def test_a_text_of_outside_code_is_read_as_it_is():
    assert decrypt("plain") == "plain"


def test_a_search_for_a_secret_is_refused(row):
    with pytest.raises(FieldError, match="encrypted"):
        GoogleDriveSettings.objects.filter(track123_api_key__contains="key").exists()

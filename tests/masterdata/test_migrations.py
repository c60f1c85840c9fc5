"""Migrations that change what is stored."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)
PLAIN, ENCRYPTED = ("masterdata", "0002_heard_at"), ("masterdata", "0003_encrypt_secrets")


@pytest.fixture
def migrate():
    """Go to a migration; afterwards everything is as before."""
    before = MigrationExecutor(connection).loader.graph.leaf_nodes("masterdata")

    def to(*targets):
        executor = MigrationExecutor(connection)
        executor.migrate(list(targets))
        return MigrationExecutor(connection).loader.project_state(list(targets)).apps

    yield to
    to(*before)


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT track123_api_key FROM masterdata_googledrivesettings")
        return cursor.fetchone()[0]


def test_stored_keys_are_encrypted_and_back(migrate):
    rows = migrate(PLAIN).get_model("masterdata", "GoogleDriveSettings").objects
    rows.create(email="a@example.com", track123_api_key="plain-key")
    rows = migrate(ENCRYPTED).get_model("masterdata", "GoogleDriveSettings").objects
    assert stored().startswith("encrypted:")
    assert rows.get().track123_api_key == "plain-key"
    migrate(PLAIN)
    assert stored() == "plain-key"

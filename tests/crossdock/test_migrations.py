"""The view, its triggers and tables go and come back, on either database."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from crossdock import view
from crossdock.models import BrandAlias, OfferChange

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(*targets: tuple[str, str | None]) -> None:
    MigrationExecutor(connection).migrate(list(targets))


def test_everything_can_be_taken_back_and_made_again():
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("crossdock")
    try:
        migrate(("crossdock", None))
        assert not [name for name in connection.introspection.table_names() if name.startswith("crossdock")]
    finally:
        migrate(*newest)
    assert BrandAlias.objects.get().alias_key == "hyundai/kia/mobis"
    assert view.refresh().rows == 0
    BrandAlias.objects.all().delete()
    assert OfferChange.objects.exists()

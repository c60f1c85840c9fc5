"""What the tests of licences share: the manager, and a licence with its items made in one line."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.timezone import now

from ims.accounts import roles
from ims.accounts.models import User
from licensing.balances import day_in_india
from licensing.models import ExportItem, ImportItem, License
from tests.conftest import make_user


@pytest.fixture
def manager(db) -> User:
    """Keeps the licences: may read and act here."""
    return make_user("manager", roles.LICENCE_MANAGER)


@pytest.fixture
def today() -> date:
    return day_in_india(now())


@pytest.fixture
def licence(db, today) -> Callable[..., License]:
    """`licence("L-1", "1000.00", [{"quantity": 500}, …], exporter="A")`: good for a year."""

    def make(
        number: str = "L-1",
        credit: str = "10000",
        items: list[dict[str, Any]] | None = None,
        **fields: Any,
    ) -> License:
        facts = {"license_date": today - timedelta(days=30), "expiry_date": today + timedelta(days=365)}
        made = License.objects.create(license_number=number, **{**facts, **fields})
        ExportItem.objects.create(license=made, cif_fc=Decimal(credit))
        for serial, item in enumerate([{}] if items is None else items, start=1):
            defaults = {"serial": serial, "hs_code": "1234", "quantity": Decimal(1000)}
            ImportItem.objects.create(license=made, **{**defaults, **item})
        made.refresh_from_db()
        return made

    return make


@pytest.fixture
def item(licence) -> ImportItem:
    """The one import item of a licence with 10,000 dollars and 1,000 kg."""
    return licence().import_items.get()

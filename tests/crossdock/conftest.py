"""What the tests of price requests share: buyers, two groups of suppliers, and offers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.timezone import now

from crossdock.models import Offer, Supplier, SupplierGroup
from ims.accounts import roles
from ims.accounts.models import User
from tests.conftest import make_user

GROUP, OTHER_GROUP = "ОПТ-2", "Группа для проценки ТРЕШКА"


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    """Uploads and results of a test lie in a folder of its own."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    return tmp_path / "media"


@pytest.fixture
def buyer(db) -> User:
    """Asks for prices."""
    return make_user("buyer", roles.BUYER)


@pytest.fixture
def colleague(db) -> User:
    """Another buyer: sees everything, owns nothing here."""
    return make_user("colleague", roles.BUYER)


@pytest.fixture
def group(db) -> SupplierGroup:
    return SupplierGroup.objects.get_or_create(name=GROUP)[0]


@pytest.fixture
def offer(group) -> Callable[..., Offer]:
    """An offer of a supplier of the group: `offer("KIA", "0012", "10.50", by="Alpha", hours=30)`."""

    def make(
        brand: str, article: str, price: str, *, by: str = "Alpha", quantity: int = 5, hours: float = 1
    ) -> Offer:
        supplier, is_new = Supplier.objects.get_or_create(supid=by, defaults={"name": by})
        if is_new:
            supplier.groups.add(group)
        return Offer.objects.create(
            supplier=supplier,
            brand=brand,
            article=article,
            price=price,
            quantity=quantity,
            updated_at=now() - timedelta(hours=hours),
        )

    return make

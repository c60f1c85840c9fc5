"""What the tests of notices share."""

import pytest

from ims.accounts import roles
from ims.notices import kinds
from tests.peers.fixtures import smtp

__all__ = ["smtp"]


@pytest.fixture(autouse=True)
def news_kind(monkeypatch):
    """A kind of notice for operations, beside those of the apps."""
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    kinds.add(kinds.Kind("test.news", "News of the test", (roles.OPERATIONS,)))

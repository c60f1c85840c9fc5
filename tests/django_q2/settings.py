"""IMS as a site would set it that has the time zone and the cache of Django Q2's own tests."""

from pathlib import Path

from tests.site.settings import *  # noqa: F403
from tests.site.settings import CACHES as SITE_CACHES
from tests.site.settings import DATABASES
from tests.site.settings import Q_CLUSTER as SITE_CLUSTER

Q_CLUSTER = {
    **SITE_CLUSTER,
    "broker_class": "tests.django_q2.broker.Broker",
    "cache": "default",  # which the shipped tests give a short timeout
    "catch_up": True,  # Django Q2's default; adapter.scheduler says what it means here
    "testing": True,
    "workers": 2,
}
CACHES = {"default": SITE_CACHES["jobs"], "jobs": SITE_CACHES["jobs"]}
TIME_ZONE = "Europe/Amsterdam"

_test = DATABASES["default"].setdefault("TEST", {})
_beside = Path(_test["NAME"]).with_name("django-q2.sqlite3") if "NAME" in _test else "test_django_q2"
_test["NAME"] = str(_beside)

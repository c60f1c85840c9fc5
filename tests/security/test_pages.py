"""What every page of ours has: a strict policy, no inline script or style, and no way in for other sites."""

import os
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from django.test import Client

from scheduling.testing import drain
from tests.conftest import ROOT
from tests.security.addresses import UNSAFE, every_address, fill
from tests.security.rules import ADMIN, RULES
from tests.security.world import ANONYMOUS, SUPERUSER, World
from tests.site import tasks

pytestmark = pytest.mark.once
MARKUP = "\"'><blink>"
PAGES = [
    each
    for each, taken in every_address().items()
    if "get" in taken and not each.startswith(("/api/", ADMIN))
]
DATA = r"""[^>]*(?:\bsrc=|type="application/json")"""
INLINE = re.compile(rf"<script(?!{DATA})[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
FROM_CODE_NOT_BROWSERS = {
    "/api/masterdata/track123/webhook/{secret}/",
    "/api/auth/login/",
}  # no session is used


@pytest.fixture
def plain_text(world: World) -> World:
    """The world, with markup wherever people write text."""
    from crossdock.models import CrossDockTask, OfferImport, TaskComment
    from ims.accounts.models import User
    from ims.lib.models import AuditLog
    from ims.notices.models import Notice
    from licensing.models import Attachment, License
    from logistics.fleet.models import Station, Vehicle
    from logistics.trips.models import Patient, Trip
    from masterdata.models import PackingSlip, Product

    PackingSlip.objects.update(order_id=MARKUP, ship_to=MARKUP, tracking_status=MARKUP)
    Product.objects.update(name=MARKUP)
    TaskComment.objects.update(text=MARKUP)
    License.objects.update(exporter=MARKUP)
    Station.objects.update(name=MARKUP)
    Patient.objects.update(name=MARKUP)
    Trip.objects.update(pickup_place=MARKUP, notes=MARKUP)
    Notice.objects.update(title=MARKUP, text=MARKUP)
    User.objects.update(first_name=MARKUP)
    Vehicle.objects.filter(registration="GJ-1").update(registration=MARKUP)
    Attachment.objects.update(name=MARKUP)
    OfferImport.objects.update(name=MARKUP)
    CrossDockTask.objects.update(filename=MARKUP, error_message=MARKUP)
    AuditLog.objects.update(target=MARKUP, after={MARKUP: MARKUP})
    failed = tasks.speak.enqueue(fails=True, secret=MARKUP)  # an argument, a line of its log, its error
    drain()
    world.ids["/console/"]["job_id"] = failed.id
    return world


def test_every_page_has_a_strict_policy_and_shows_what_people_wrote_as_text(plain_text: World) -> None:
    browser = Client()
    browser.force_login(plain_text.people[SUPERUSER])
    seen, wrong = 0, {}
    for address in PAGES:
        answer = browser.get(fill(address, plain_text.values(address)))
        if answer.headers.get("Content-Type", "").startswith("text/html") and answer.status_code == 200:
            seen += 1
            if found := faults(answer.content.decode(), answer.headers):
                wrong[address] = found
        for close in answer._resource_closers:
            close()
    assert wrong == {}
    assert seen > 40


def faults(page: str, headers: dict[str, str]) -> list[str]:
    policy = headers.get("Content-Security-Policy", "")
    return [
        *(["markup"] if "<blink>" in page else []),
        *(["inline: " + found[0] for found in INLINE.finditer(page)]),
        *(["policy"] if "unsafe" in policy or "script-src 'self'" not in policy else []),
        *(["frames"] if headers.get("X-Frame-Options") != "DENY" else []),
        *(["sniffing"] if headers.get("X-Content-Type-Options") != "nosniff" else []),
    ]


def test_nothing_is_changed_for_another_site(world: World) -> None:
    """A browser with a session, but without the token that only our own pages have."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.people[SUPERUSER])
    taken = {}
    for address, methods in every_address().items():
        if address.startswith(ADMIN) or address in FROM_CODE_NOT_BROWSERS or ANONYMOUS in RULES[address].look:
            continue
        for method in methods & UNSAFE:
            status = getattr(browser, method)(fill(address, world.values(address))).status_code
            if status not in {401, 403, 405}:
                taken[method, address] = status
    assert taken == {}


def test_in_production_cookies_and_pages_are_for_https_alone() -> None:
    asked = """
import django; django.setup()
from django.test import Client
answer = Client().get("/sign-in/", secure=True, headers={"host": "ims.example.com"})
print(answer.headers["Strict-Transport-Security"], answer.cookies["csrftoken"]["secure"])
from django.conf import settings; print(settings.SESSION_COOKIE_SECURE)
print(Client().get("/sign-in/", headers={"host": "ims.example.com"}).status_code)
stranger = Client(raise_request_exception=False)
print(stranger.get("/sign-in/", secure=True, headers={"host": "evil.example"}).status_code)
"""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "ims.settings",
        "HTTPS": "1",
        "ALLOWED_HOSTS": "ims.example.com",
        "LOG_LEVEL": "CRITICAL",
    }
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    hsts, session, redirect, stranger = done.stdout.splitlines()
    assert hsts == "max-age=31536000; includeSubDomains; preload True"
    assert (session, redirect, stranger) == ("True", "301", "400")


def test_what_people_see_is_text_in_the_admin_too_and_kept_by_nobody(plain_text: World) -> None:
    """Neither by browsers nor by proxies."""
    world, browser = plain_text, Client()
    browser.force_login(world.people[SUPERUSER])
    kept, markup = {}, []
    for address, taken in every_address().items():
        if "get" not in taken or address == "/favicon.ico":
            continue
        values = defaultdict(lambda: 1) if address.startswith(ADMIN) else world.values(address)
        answer = browser.get(fill(address, values))
        if "no-store" not in answer.headers.get("Cache-Control", ""):
            kept[address] = answer.headers.get("Cache-Control")
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if is_page and b"<blink>" in answer.content:
            markup.append(address)
        for close in answer._resource_closers:
            close()
    assert (kept, markup) == ({}, [])

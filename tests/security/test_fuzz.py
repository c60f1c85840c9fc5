"""Uploads and the webhook are fed what nobody would send: an answer in words, never a crash."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from ims.lib.sheets import write_xlsx
from masterdata.models import GoogleDriveSettings, Parcel
from scheduling.models import QueuedJob
from tests.security.world import SUPERUSER, WEBHOOK_SECRET, World

PLACES = (
    "/shipments/import/",
    "/cross-dock/",
    "/cross-dock/preview/",
    "/cross-dock/offers/",
    "/licences/import/",
    "/licences/papers/licence/{licence}/",
    "/api/trips/{trip}/proof/",
    "/api/cross-dock/tasks/",
    "/api/cross-dock/offer-imports/",
    "/api/licensing/imports/",
    "/api/licensing/attachments/",
)
FIELD = {"/api/trips/{trip}/proof/": "picture"}
MORE = {"supplier_group": "ОПТ-2", "kind": "licences", "license": 1}
few = effort(
    max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def workbook() -> bytes:
    file = BytesIO()
    write_xlsx(file, ("Бренд", "Артикул", "Order ID", "Licence number"), [("KIA", "0012", "A-1", "L-1")] * 5)
    return file.getvalue()


GOOD = (workbook(), "Бренд;Артикул\nKIA;0012\n".encode(), b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 40)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file with some bytes changed, cut off, or doubled."""
    content = bytearray(draw(st.sampled_from(GOOD)))
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = draw(st.integers(0, 255))
    end = draw(st.integers(0, len(content)))
    return bytes(content[:end] if draw(st.booleans()) else content + content[end:])


files = st.tuples(
    st.one_of(damaged(), st.binary(max_size=300)),
    st.sampled_from(
        ["a.xlsx", "a.csv", "a.xls", "a.pdf", "..", "a\0.csv", "\N{BOMB}.xlsx", "x" * 300 + ".csv"]
    ),
)


@pytest.fixture
def browser(world: World) -> Client:
    client = Client()  # a crash in a view is raised here
    client.force_login(world.people[SUPERUSER])
    return client


@pytest.mark.parametrize("place", PLACES)
def test_no_uploaded_file_crashes(browser: Client, world: World, place: str) -> None:
    ids = {name: world.values(f"/{name}s/")["pk"] for name in ("licence", "trip")}
    address, field = place.format(**ids), FIELD.get(place, "file")

    @few
    @given(file=files)
    def each(file: tuple[bytes, str]) -> None:
        content, name = file
        with transaction.atomic():
            answer = browser.post(address, {**MORE, field: SimpleUploadedFile(name, content)})
            transaction.set_rollback(True)
        assert answer.status_code in {200, 201, 302, 400, 413}

    each()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries(
            {},
            optional={
                "trackNo": json_values,
                "transitStatus": json_values,
                "localLogisticsInfo": json_values,
            },
        )
        | json_values,
        "verify": st.fixed_dictionaries({}, optional={"signature": json_values, "timestamp": json_values})
        | json_values,
    },
)


def test_nothing_that_is_sent_to_the_webhook_crashes_or_is_believed(world: World) -> None:
    GoogleDriveSettings.objects.create(email="shop@example.com", track123_api_key="the-key")
    client = Client()
    before = (list(Parcel.objects.values()), QueuedJob.objects.count())

    def send(body: Any) -> None:
        address = f"/api/masterdata/track123/webhook/{WEBHOOK_SECRET}/"
        assert client.post(address, body, content_type="application/json").status_code in {400, 401, 403, 429}

    @few
    @given(body=st.one_of(shaped, json_values))
    def unsigned(body: Any) -> None:
        send(json.dumps(body))

    @few
    @given(body=st.binary(max_size=200))
    def no_json(body: bytes) -> None:
        send(body)

    unsigned()
    no_json()
    assert (list(Parcel.objects.values()), QueuedJob.objects.count()) == before

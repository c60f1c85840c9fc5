"""Notices over REST."""

import pytest

from ims.notices import services as notices
from ims.notices.models import Notice
from ims.notices.services import News

pytestmark = pytest.mark.django_db


@pytest.fixture
def ids(operations) -> list[int]:
    """The ids of three unread notices of operations."""
    notices.notify_all([operations], [News("test.news", title) for title in ("A", "B", "C")])
    return list(Notice.objects.order_by("id").values_list("pk", flat=True))


def test_a_login_is_needed(anonymous_api):
    assert anonymous_api.get("/api/notices/").status_code == 401
    assert anonymous_api.post("/api/notices/read/", {"all": True}, format="json").status_code == 401


def test_ones_own_notices_are_listed_newest_first(api, operations, ids):
    body = api(operations).get("/api/notices/").json()
    assert (body["count"], [row["title"] for row in body["results"]]) == (3, ["C", "B", "A"])


def test_only_the_unread(api, operations, ids):
    notices.mark_read(operations, ids[:2])
    assert [row["id"] for row in api(operations).get("/api/notices?unread=1").json()["results"]] == ids[2:]


def test_a_stranger_sees_none_of_them(api, stranger, ids):
    assert api(stranger).get("/api/notices/").json()["count"] == 0


def test_some_are_marked_read(api, operations, ids):
    answer = api(operations).post("/api/notices/read/", {"ids": ids[:2]}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"read": 2})
    again = api(operations).post("/api/notices/read/", {"ids": ids[:2]}, format="json")
    assert again.json() == {"read": 0}


def test_all_are_marked_read(api, operations, ids):
    answer = api(operations).post("/api/notices/read/", {"all": True}, format="json")
    assert answer.json() == {"read": 3}


def test_a_strangers_id_is_404_and_changes_nothing(api, stranger, ids):
    answer = api(stranger).post("/api/notices/read/", {"ids": ids}, format="json")
    assert answer.status_code == 404
    assert "ids" in answer.json()["error"]["message"]
    assert not Notice.objects.exclude(read_at=None).exists()


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["x"]}, {"ids": [0]}, {"all": False}, {"ids": [1], "all": True}]
)
def test_a_wrong_request_is_refused_and_names_the_field(api, operations, body):
    answer = api(operations).post("/api/notices/read/", body, format="json")
    assert answer.status_code == 400
    assert "ids" in answer.json()["error"]["message"]

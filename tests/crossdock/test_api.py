"""Price requests over REST."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crossdock import actions, view
from crossdock.models import CrossDockTask, Offer, Status
from scheduling.testing import drain
from tests.crossdock.conftest import GROUP
from tests.crossdock.sheets import request_file

pytestmark = pytest.mark.django_db
TASKS = "/api/cross-dock/tasks/"
OFFER_IMPORTS = "/api/cross-dock/offer-imports/"


@pytest.fixture
def mine(buyer, offer) -> CrossDockTask:
    offer("KIA", "1", "10.50")
    view.refresh()
    return actions.ask(request_file(("KIA", "1")), "parts.xlsx", GROUP, buyer)


def test_a_file_is_uploaded_priced_and_read_back(api, buyer, mine):
    client = api(buyer)
    body = {"file": request_file(("KIA", "1")), "supplier_group": GROUP}
    made = client.post(TASKS, body, format="multipart")
    assert made.status_code == 201
    assert made.json()["status"] == "PENDING"
    drain()
    read = client.get(f"{TASKS}{made.json()['id']}/").json()
    assert (read["status"], read["percent"], read["rows_matched"], read["user"]) == (
        "SUCCESS",
        100,
        1,
        "buyer",
    )
    assert client.get(TASKS).json()["count"] == 2


def test_an_upload_whose_answer_was_lost_can_be_repeated(api, buyer, group):
    client, key = api(buyer), {"Idempotency-Key": "a"}

    def upload(article: str):
        file = SimpleUploadedFile("parts.csv", f"Бренд;Артикул\nKIA;{article}\n".encode())
        return client.post(TASKS, {"file": file, "supplier_group": GROUP}, format="multipart", headers=key)

    first, again = upload("1"), upload("1")
    assert (first.status_code, again.status_code) == (201, 201), first.json()
    assert first.json() == again.json()
    assert CrossDockTask.objects.count() == 1
    assert upload("2").status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"file": SimpleUploadedFile("a.csv", "Бренд\nKIA\n".encode()), "supplier_group": GROUP}, "file"),
        ({"file": SimpleUploadedFile("a.csv", b""), "supplier_group": GROUP}, "file"),
        ({"file": SimpleUploadedFile("a.csv", b"a;b\n1;2\n"), "supplier_group": "Nobody"}, "supplier_group"),
        ({"supplier_group": GROUP}, "file"),
    ],
)
def test_a_bad_upload_names_the_field(api, buyer, group, body, field):
    answer = api(buyer).post(TASKS, body, format="multipart")
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_cancel_retry_and_run_again(api, buyer, mine):
    client = api(buyer)
    assert client.post(f"{TASKS}{mine.pk}/cancel/").json()["status"] == "CANCELLED"
    assert client.post(f"{TASKS}{mine.pk}/retry/").json()["status"] == "PENDING"
    drain()
    refused = client.post(f"{TASKS}{mine.pk}/cancel/")
    assert refused.status_code == 409
    assert "nothing to cancel" in refused.json()["error"]["message"]
    assert client.post(f"{TASKS}{mine.pk}/run-again/").status_code == 201
    assert client.delete(f"{TASKS}{mine.pk}/").status_code == 204


@pytest.mark.parametrize("action", ["cancel/", "retry/", ""])
def test_what_is_not_yours_is_not_found(api, colleague, mine, action):
    client = api(colleague)
    call = client.post if action else client.delete
    assert call(f"{TASKS}{mine.pk}/{action}").status_code == 404
    assert client.get(f"{TASKS}{mine.pk}/").status_code == 200


def test_an_operator_controls_but_does_not_ask(api, operator, mine):
    client = api(operator)
    assert client.post(TASKS, {}, format="multipart").status_code == 403
    assert client.post(f"{TASKS}{mine.pk}/cancel/").status_code == 200


def test_strangers_and_the_unknown_are_refused(api, stranger, anonymous_api, mine):
    assert api(stranger).get(TASKS).status_code == 403
    assert anonymous_api.get(TASKS).status_code == 401
    assert anonymous_api.get(f"{TASKS}{mine.pk}/comments/").status_code == 401


def test_filters_of_the_list(api, buyer, mine):
    client = api(buyer)
    assert client.get(TASKS, {"status": Status.FAILED}).json()["count"] == 0
    assert client.get(TASKS, {"owner": "mine", "q": "PARTS"}).json()["count"] == 1
    assert client.get(TASKS, {"status": "LOST"}).status_code == 400


def test_comments_belong_to_their_author(api, buyer, colleague, mine):
    address = f"{TASKS}{mine.pk}/comments/"
    made = api(buyer).post(address, {"text": "Mine"}, format="json")
    assert (made.status_code, made.json()["user"]) == (201, "buyer")
    one = f"{address}{made.json()['id']}/"
    theirs = api(colleague)
    assert theirs.get(address).json()["count"] == 1
    assert theirs.patch(one, {"text": "Theirs"}, format="json").status_code == 404
    assert theirs.delete(one).status_code == 404
    assert api(buyer).patch(one, {"text": "Still mine"}, format="json").json()["text"] == "Still mine"
    assert api(buyer).delete(one).status_code == 204
    assert api(buyer).post(address, {"text": "  "}, format="json").status_code == 400


def test_one_part_is_looked_up(api, buyer, mine):
    query = {"brand": " kia", "article": "1", "supplier_group": GROUP}
    answer = api(buyer).get("/api/cross-dock/look-up/", query).json()
    assert answer["best"] == [{"price": "10.50", "quantity": 5, "supplier": "Alpha"}]
    assert answer["source"] == "view"
    assert api(buyer).get("/api/cross-dock/look-up", {"brand": "kia"}).status_code == 400


def test_groups_tell_how_fresh_they_are(api, buyer, mine):
    (found,) = api(buyer).get("/api/cross-dock/groups/").json()
    assert (found["name"], found["suppliers"], found["fresh"]) == (GROUP, 1, 1)


# --- suppliers' price lists -----------------------------------------------------------------------------
def bring_in(client, text: str, **of: str):
    file = SimpleUploadedFile("prices.csv", text.encode())
    return client.post(OFFER_IMPORTS, {"file": file, **of}, format="multipart")


def test_a_price_list_is_brought_in_and_its_errors_are_told(api, operator, offer):
    offer("KIA", "1", "99")
    desk = api(operator)
    answer = bring_in(desk, "Бренд;Артикул;Цена;Количество\nKIA;1;10;5\nKIA;2;x;5\n", supplier="Alpha")
    assert (answer.status_code, answer.json()["state"], answer.json()["supplier"]) == (
        201,
        "running",
        "Alpha",
    )
    drain()
    told = desk.get(f"{OFFER_IMPORTS}{answer.json()['id']}/").json()
    assert told["state"] == "done"
    assert [told["report"][name] for name in ("total", "written", "bad")] == [2, 1, 1]
    assert told["report"]["errors"][0]["row"] == 3
    assert [each["id"] for each in desk.get(OFFER_IMPORTS).json()["results"]] == [told["id"]]
    assert Offer.objects.get().price == 10


@pytest.mark.parametrize(
    ("text", "of", "field"),
    [
        ("Бренд;Артикул\nKIA;1\n", {"supplier": "Alpha"}, "file"),
        ("", {}, "file"),
        ("Бренд;Артикул;Цена;Количество\nKIA;1;10;5\n", {"supplier": "Nobody"}, "supplier"),
    ],
)
def test_a_wrong_price_list_names_the_field(api, operator, offer, text, of, field):
    offer("KIA", "1", "99")
    answer = bring_in(api(operator), text, **of)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, [field])


def test_price_lists_are_for_operators(api, anonymous_api, buyer, stranger):
    assert anonymous_api.get(OFFER_IMPORTS).status_code == 401
    for user in (buyer, stranger):
        assert api(user).get(OFFER_IMPORTS).status_code == 403
        assert bring_in(api(user), "").status_code == 403

"""The bell and the page of notices."""

import pytest

from ims.notices import services as notices
from ims.notices.models import Notice, NoticeMute
from ims.notices.services import News

pytestmark = pytest.mark.django_db
PAGE = "/notices/"


@pytest.fixture
def page(client, operations):
    client.force_login(operations)
    return client


@pytest.fixture
def told(operations):
    """Tell operations of events by these titles; returns the newest notice."""

    def tell(*titles: str, url: str = "/shipments/") -> Notice:
        notices.notify_all([operations], [News("test.news", title, url=url) for title in titles])
        return Notice.objects.order_by("-id").first()

    return tell


def text_of(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def test_without_a_login_there_are_no_notices(client, db):
    assert client.get(PAGE).status_code == 302


def test_a_visitors_page_has_no_bell(client, db):
    assert "bell" not in text_of(client.get("/sign-in/"))


def test_every_page_shows_how_many_are_unread(page, told):
    told("One", "Two")
    assert '<span class="n">2</span>' in text_of(page.get("/"))


def test_one_notice_is_said_to_be_one(page, told):
    told("One")
    assert '<span class="vh">unread notice</span>' in text_of(page.get("/"))
    told("Two")
    assert '<span class="vh">unread notices</span>' in text_of(page.get("/"))


def test_nothing_unread_is_a_bell_without_a_number(page):
    text = text_of(page.get("/"))
    assert 'id="bell-rail"' in text
    assert '<span class="n">' not in text


def test_an_empty_list_says_what_will_be_there(page):
    assert "No notices yet" in text_of(page.get(PAGE))


def test_notices_are_newest_first(page, told):
    told("First", "Second")
    text = text_of(page.get(PAGE))
    assert text.index("Second") < text.index("First")


def test_the_filter_shows_the_unread_alone(page, told, operations):
    read = told("Known already")
    notices.mark_read(operations, [read.pk])
    assert "Nothing is unread" in text_of(page.get(PAGE + "?unread=1"))
    told("Fresh")
    text = text_of(page.get(PAGE + "?unread=1"))
    assert "Fresh" in text
    assert "Known already" not in text


def test_fifty_are_on_a_page(page, told):
    told(*[f"Event {number}" for number in range(51)])
    assert text_of(page.get(PAGE)).count('<tr id="notice') == 50
    assert text_of(page.get(PAGE + "?page=2")).count('<tr id="notice') == 1


@pytest.mark.parametrize("rows", [1, 50])
def test_the_list_takes_the_same_statements(page, told, rows, django_assert_num_queries):
    told(*[f"Event {number}" for number in range(rows)])
    with django_assert_num_queries(7):
        page.get(PAGE)


def test_opening_a_notice_leads_to_its_page_and_marks_it_read(page, told):
    notice = told("One")
    assert page.get(f"/notices/{notice.pk}/").headers["Location"] == "/shipments/"
    notice.refresh_from_db()
    assert notice.read_at


def test_a_strangers_notice_is_not_there(client, stranger, told):
    notice = told("One")
    client.force_login(stranger)
    assert "One" not in text_of(client.get(PAGE))
    assert client.get(f"/notices/{notice.pk}/").status_code == 404
    assert client.post(f"/notices/{notice.pk}/read/").status_code == 404
    client.post("/notices/read/")
    notice.refresh_from_db()
    assert notice.read_at is None


def test_one_is_marked_read_and_the_filter_stays(page, told):
    notice = told("One")
    assert page.get(f"/notices/{notice.pk}/read/").status_code == 405
    answer = page.post(f"/notices/{notice.pk}/read/?unread=1")
    assert answer.headers["Location"] == "/notices/?unread=1"
    assert notices.unread(notice.user).count == 0


def test_all_are_marked_read(page, told, operations):
    told("One", "Two")
    page.post("/notices/read/")
    assert notices.unread(operations).count == 0


def test_a_kind_is_muted_and_unmuted(page, operations):
    assert "News of the test" in text_of(page.get(PAGE))
    assert "muted" in text_of(page.post("/notices/kinds/test.news/", {"muted": "1"}, follow=True))
    assert notices.muted_kinds(operations) == {"test.news"}
    page.post("/notices/kinds/test.news/", {"muted": "0"})
    assert not NoticeMute.objects.exists()


def test_a_kind_that_does_not_exist_is_404(page):
    assert page.post("/notices/kinds/nonsense/", {"muted": "1"}).status_code == 404


def test_a_kind_for_other_roles_is_not_offered(client, stranger):
    client.force_login(stranger)
    assert "News of the test" not in text_of(client.get(PAGE))


def test_the_bell_is_sent_only_when_its_number_changed(page, told, django_assert_num_queries):
    told("One")
    first = page.get("/notices/bell/?seen=0-0")
    assert '<span class="n">1</span>' in text_of(first)
    assert first["HX-Trigger"] == "notices:changed"
    seen = first.context["bell"].version
    with django_assert_num_queries(3):  # session, user, notices
        assert page.get(f"/notices/bell/?seen={seen}").status_code == 204
    told("Two")
    assert page.get(f"/notices/bell/?seen={seen}").status_code == 200


def test_what_somebody_typed_is_text(page, told):
    told("<b>Bold</b>")
    assert "&lt;b&gt;Bold" in text_of(page.get(PAGE))

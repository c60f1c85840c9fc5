"""The pages of price requests: who may do what, and what they show."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.timezone import now
from openpyxl import load_workbook

from crossdock import actions, view
from crossdock.models import CrossDockTask, Status, TaskComment
from crossdock.tasks import process_file_task
from scheduling.testing import assert_enqueued, drain
from tests.crossdock.conftest import GROUP
from tests.crossdock.sheets import request_file

pytestmark = [pytest.mark.django_db, pytest.mark.once]
UPLOAD = "/cross-dock/"
LIST = "/cross-dock/tasks/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture(autouse=True)
def known_offer(offer):
    offer("KIA", "0012345", "10.50")
    view.refresh()


@pytest.fixture
def page(client, buyer):
    client.force_login(buyer)
    return client


def ask(user, *rows, name: str = "parts.xlsx") -> CrossDockTask:
    return actions.ask(request_file(*(rows or [("KIA", "0012345")])), name, GROUP, user)


# --- upload -------------------------------------------------------------------------------------------------
def test_a_valid_upload_is_queued_and_leads_to_the_list(page, buyer):
    answer = page.post(UPLOAD, {"file": request_file(("KIA", "1")), "supplier_group": GROUP})
    assert (answer.status_code, answer.url) == (302, reverse("cross_dock:task_list"))
    task = CrossDockTask.objects.get()
    assert (task.user, task.filename, task.status) == (buyer, "parts.xlsx", Status.PENDING)
    assert_enqueued(process_file_task, task_id=str(task.pk), supplier_list=GROUP, file_path=task.input_file)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xlsx", b"", "The file is empty"),
        ("a.xlsx", b"MZ\x90 not a workbook", "no workbook"),
        ("a.pdf", b"%PDF-1.7", "cannot be read"),
        ("a.csv", "Бренд\nKIA\n".encode(), "“Артикул” missing; found “Бренд”"),
        ("a.csv", "Бренд;Артикул\n".encode(), "no rows below its headings"),
    ],
)
def test_a_wrong_file_is_refused_with_its_cure(page, name, content, sentence, media):
    answer = page.post(UPLOAD, {"file": SimpleUploadedFile(name, content), "supplier_group": GROUP})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not CrossDockTask.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_an_unknown_group_is_refused(page):
    answer = page.post(UPLOAD, {"file": request_file(("KIA", "1")), "supplier_group": "Nobody"})
    assert answer.status_code == 400
    assert "Select a valid choice" in answer.content.decode()


def test_the_preview_shows_columns_rows_and_freshness(page):
    file = request_file(("KIA", "0012345"), headings=("Марка", "Номер"))
    shown = page.post(f"{UPLOAD}preview/", {"file": file, "supplier_group": GROUP}).content.decode()
    assert "Brands are read from the column “Марка”" in shown
    assert "not the usual ones" in shown
    assert "0012345" in shown
    assert "1 of 1 suppliers have offers that count today" in shown
    assert not CrossDockTask.objects.exists()


@pytest.mark.parametrize("name", ["", "Nobody", "\x00"])
def test_the_preview_of_an_unknown_group_is_no_error(page, name):
    assert page.post(f"{UPLOAD}preview/", {"supplier_group": name}).status_code == 200


def test_the_preview_tells_what_is_wrong(page):
    file = SimpleUploadedFile("a.csv", "Бренд\nKIA\n".encode())
    answer = page.post(f"{UPLOAD}preview/", {"file": file, "supplier_group": GROUP})
    assert answer.status_code == 200
    assert "“Артикул” missing" in answer.content.decode()


def test_stale_offers_are_warned_of_before_the_upload(page, offer):
    from crossdock.models import Offer

    Offer.objects.update(updated_at=now() - timedelta(days=3))
    assert "has no fresh offers" in page.get(UPLOAD).content.decode()


def test_without_groups_the_page_says_what_to_do(page, group):
    group.delete()
    assert "No supplier groups yet" in page.get(UPLOAD).content.decode()


def test_the_template_can_be_asked(page):
    content = page.get(f"{UPLOAD}template.xlsx").getvalue()
    answer = page.post(UPLOAD, {"file": SimpleUploadedFile("t.xlsx", content), "supplier_group": GROUP})
    assert answer.status_code == 302


# --- list ---------------------------------------------------------------------------------------------------
def test_ten_requests_are_on_a_page_and_none_is_shown_twice(page, buyer):
    moment = now()
    for number in range(23):
        CrossDockTask.objects.create(
            filename=f"f{number}.xlsx", supplier_group=GROUP, user=buyer, created_at=moment
        )
    seen = [
        each["task"].pk for number in (1, 2, 3) for each in page.get(f"{LIST}?page={number}").context["shown"]
    ]
    assert [len(seen), len(set(seen))] == [23, 23]
    assert len(page.get(LIST).context["shown"]) == 10


def test_the_list_needs_few_queries_however_long(page, buyer, django_assert_max_num_queries):
    for _ in range(10):
        CrossDockTask.objects.create(
            filename="a.xlsx", supplier_group=GROUP, user=buyer, status=Status.SUCCESS
        )
    with django_assert_max_num_queries(12):
        page.get(LIST)


def test_an_unchanged_list_is_not_sent_again(page, buyer):
    task = ask(buyer)
    poll = f"{LIST}?seen={page.get(LIST).context['seen']}"
    assert page.get(poll, **HTMX).status_code == 204
    CrossDockTask.objects.filter(pk=task.pk).update(updated_at=now())
    assert page.get(poll, **HTMX).status_code == 200


def test_a_place_in_the_queue_moves_on(page, buyer):
    first, second = ask(buyer), ask(buyer)
    poll = f"{LIST}?seen={page.get(LIST).context['seen']}"
    actions.cancel(first, buyer)
    assert "Number 1 in the queue" in page.get(poll, **HTMX).content.decode()
    assert second.status == Status.PENDING


def test_the_list_is_narrowed_by_state_owner_and_words(page, buyer, colleague):
    mine, theirs = ask(buyer, name="mine.xlsx"), ask(colleague, name="theirs.xlsx")
    CrossDockTask.objects.filter(pk=theirs.pk).update(status=Status.FAILED)

    def names(query: str) -> list[str]:
        return [each["task"].filename for each in page.get(f"{LIST}?{query}").context["shown"]]

    assert names("owner=mine") == names("q=MINE") == ["mine.xlsx"]
    assert names("status=FAILED") == names("q=colleague") == ["theirs.xlsx"]
    assert names("status=nonsense") == ["theirs.xlsx", "mine.xlsx"]
    assert "No price request fits" in page.get(f"{LIST}?q=zzz").content.decode()
    assert mine.filename in page.get(LIST).content.decode()


def test_an_empty_list_says_what_to_do(page):
    assert "No price requests yet" in page.get(LIST).content.decode()


# --- one request ------------------------------------------------------------------------------------------
def test_a_request_shows_counters_stages_and_source(page, buyer):
    task = ask(buyer, ("KIA", "0012345"), ("KIA", "none"), ("", "1"))
    drain()
    shown = page.get(task.get_absolute_url()).content.decode()
    for words in ("Matched", "Unmatched", "Reading the file", "the view of best offers", "Download prices"):
        assert words in shown


def test_the_fallback_is_visible(page, buyer, offer):
    offer("KIA", "2", "1")
    task = ask(buyer)
    drain()
    shown = page.get(task.get_absolute_url()).content.decode()
    assert "the original query" in shown
    assert "written since" in shown


def test_an_unfinished_request_shows_its_place_percent_and_elapsed_time(page, buyer):
    ask(buyer)
    second = ask(buyer)
    assert "Number 2 in the queue" in page.get(second.get_absolute_url()).content.decode()
    started = now() - timedelta(seconds=72)
    CrossDockTask.objects.filter(pk=second.pk).update(
        status=Status.RUNNING,
        started_at=started,
        percent=60,
        stage="pricing",
        rows_total=100_000,
        rows_done=63_120,
    )
    shown = page.get(second.get_absolute_url()).content.decode()
    for words in ("60%", "63,120 of 100,000", 'data-tick="elapsed"', "about 0:48 left"):
        assert words in shown


def test_a_result_is_downloaded_under_the_name_of_the_upload(page, buyer):
    task = ask(buyer, name="Запрос.csv.xlsx")
    drain()
    task.refresh_from_db()
    answer = page.get(task.output_url)
    assert "%D0%97" in answer["Content-Disposition"]
    assert load_workbook(BytesIO(b"".join(answer.streaming_content))).active["D2"].value == 10.5


@pytest.mark.parametrize("path", ["exports/cross_dock_x.xlsx", "exports/", "cross_dock/x.xlsx"])
def test_nothing_else_in_media_is_served(page, path):
    assert page.get(f"/media/{path}").status_code == 404


# --- acts ---------------------------------------------------------------------------------------------------
def act(client, task, action):
    return client.post(f"{task.get_absolute_url()}{action}/")


def test_the_owner_cancels_and_retries(page, buyer):
    task = ask(buyer)
    assert act(page, task, "cancel").status_code == 302
    task.refresh_from_db()
    assert (task.status, task.cancelled_by) == (Status.CANCELLED, buyer)
    assert drain() == 0
    act(page, task, "retry")
    drain()
    task.refresh_from_db()
    assert task.status == Status.SUCCESS


def test_cancelling_asks_first_in_the_list_and_on_the_requests_page(page, buyer):
    task = ask(buyer)
    cancel = f'<form method="post" action="{task.get_absolute_url()}cancel/"'
    for address, name in ((LIST, f"cancel-{task.pk}"), (task.get_absolute_url(), "cancel")):
        shown = page.get(address).content.decode()
        assert f'data-dialog="{name}"' in shown
        outside, question = shown.split(f'<dialog class="ims-dialog" id="{name}"')
        assert cancel not in outside
        assert cancel in question.partition("</dialog>")[0]


def test_the_question_is_not_part_of_what_asks_anew_on_a_requests_page(page, buyer):
    fragment = page.get(ask(buyer).get_absolute_url(), **HTMX).content.decode()
    assert 'data-dialog="cancel"' in fragment
    assert "<dialog" not in fragment


def test_a_colleague_is_not_asked(client, buyer, colleague):
    ask(buyer)
    client.force_login(colleague)
    assert "<dialog" not in client.get(LIST).content.decode()


def test_a_request_that_has_ended_is_not_cancelled(page, buyer):
    task = ask(buyer)
    drain()
    act(page, task, "cancel")
    task.refresh_from_db()
    assert task.status == Status.SUCCESS
    assert "nothing to cancel" in page.get(LIST).content.decode()


def test_run_again_asks_the_same_parts_with_todays_prices(page, buyer, offer):
    task = ask(buyer, ("KIA", "0012345"), ("KIA", "none"))
    drain()
    offer("KIA", "0012345", "3", by="Cheap")
    answer = act(page, task, "repeat")
    drain()
    again = CrossDockTask.objects.exclude(pk=task.pk).get()
    assert answer.url == again.get_absolute_url()
    assert (again.rows_total, again.rows_matched, again.status) == (2, 1, Status.SUCCESS)


def test_run_again_pressed_twice_asks_once(page, buyer):
    task = ask(buyer)
    drain()
    [key] = re.findall(
        r'repeat/".*?name="send_once" value="([^"]+)"', page.get(task.get_absolute_url()).content.decode()
    )
    pressed = [page.post(f"{task.get_absolute_url()}repeat/", {"send_once": key}) for _ in range(2)]
    again = CrossDockTask.objects.exclude(pk=task.pk).get()
    assert [answer.url for answer in pressed] == [again.get_absolute_url()] * 2


def test_deleting_takes_the_files_along(page, buyer, media, django_capture_on_commit_callbacks):
    task = ask(buyer)
    act(page, task, "delete")
    assert CrossDockTask.objects.filter(pk=task.pk).exists()  # it waits: to be cancelled first
    drain()
    with django_capture_on_commit_callbacks(execute=True):
        act(page, task, "delete")
    assert not CrossDockTask.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize("action", ["cancel", "retry", "delete"])
def test_a_colleague_finds_nothing_to_control(client, buyer, colleague, action):
    task = ask(buyer)
    client.force_login(colleague)
    assert act(client, task, action).status_code == 404
    task.refresh_from_db()
    assert task.status == Status.PENDING


def test_a_colleague_sees_everything_and_may_run_it_again(client, buyer, colleague):
    task = ask(buyer)
    drain()
    client.force_login(colleague)
    assert client.get(task.get_absolute_url()).status_code == 200
    task.refresh_from_db()
    assert b"".join(client.get(task.output_url).streaming_content)
    act(client, task, "repeat")
    assert CrossDockTask.objects.filter(user=colleague).exists()


def test_an_operator_cancels_but_asks_nothing(client, buyer, operator):
    task = ask(buyer)
    client.force_login(operator)
    assert client.get(UPLOAD).status_code == 403
    act(client, task, "cancel")
    task.refresh_from_db()
    assert task.status == Status.CANCELLED


def test_an_unknown_act_is_not_found(page, buyer):
    assert act(page, ask(buyer), "explode").status_code == 404


# --- who may look -------------------------------------------------------------------------------------------
ADDRESSES = [UPLOAD, LIST, "/cross-dock/look-up/", "/cross-dock/template.xlsx", "/cross-dock/offers/"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_stranger_is_refused(client, stranger, address):
    client.force_login(stranger)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_a_login_nothing_is_shown(client, address):
    assert client.get(address).url.startswith("/sign-in/")


def test_the_stranger_gets_no_result(client, buyer, stranger):
    task = ask(buyer)
    drain()
    task.refresh_from_db()
    client.force_login(stranger)
    assert client.get(task.output_url).status_code == 403


# --- comments -----------------------------------------------------------------------------------------------
def test_comments_are_added_edited_and_deleted_by_their_author(page, buyer):
    task = ask(buyer)
    page.post(f"{task.get_absolute_url()}comments/", {"text": " Ask <b>again</b> on Monday "})
    comment = TaskComment.objects.get()
    shown = page.get(task.get_absolute_url()).content.decode()
    assert "Ask &lt;b&gt;again" in shown
    assert "Add notes or comments about this task." not in shown
    address = f"{task.get_absolute_url()}comments/{comment.pk}/"
    page.post(address, {"text": "Done"})
    comment.refresh_from_db()
    assert (comment.text, comment.user) == ("Done", buyer)
    page.post(address, {"delete": "1", "text": ""})
    assert not TaskComment.objects.exists()


def test_deleting_a_comment_asks_its_author_alone(page, client, buyer, colleague):
    task = ask(buyer)
    comment = TaskComment.objects.create(task=task, user=buyer, text="Mine")
    dialog = f'<dialog class="ims-dialog" id="delete-comment-{comment.pk}"'
    before, _, question = page.get(task.get_absolute_url()).content.decode().partition(dialog)
    assert 'name="delete"' not in before
    assert 'name="delete" value="1"' in question
    client.force_login(colleague)
    assert dialog not in client.get(task.get_absolute_url()).content.decode()


def test_an_empty_comment_is_refused(page, buyer):
    task = ask(buyer)
    page.post(f"{task.get_absolute_url()}comments/", {"text": "  "})
    assert not TaskComment.objects.exists()
    assert "This field is required" in page.get(task.get_absolute_url()).content.decode()


def test_anothers_comment_is_not_touched(client, buyer, operator):
    task = ask(buyer)
    comment = TaskComment.objects.create(task=task, user=buyer, text="Mine")
    client.force_login(operator)
    answer = client.post(f"{task.get_absolute_url()}comments/{comment.pk}/", {"text": "Theirs"})
    assert answer.status_code == 404
    assert TaskComment.objects.get().text == "Mine"


def test_the_newest_comment_comes_first(page, buyer):
    task = ask(buyer)
    for text in ("first", "second"):
        TaskComment.objects.create(task=task, user=buyer, text=text)
    assert [comment.text for comment in page.get(task.get_absolute_url()).context["comments"]] == [
        "second",
        "first",
    ]


# --- look-up ------------------------------------------------------------------------------------------------
def test_one_part_is_looked_up_without_a_file(page):
    query = {"brand": "kia", "article": "0012345", "supplier_group": GROUP}
    shown = page.get("/cross-dock/look-up/", query).content.decode()
    assert "10.50" in shown
    assert "Alpha" in shown
    assert "Supplier</th>" in shown
    assert "Лучшая цена" not in shown  # a page in English; the file's headings are Russian
    shown = page.get("/cross-dock/look-up/", {**query, "article": "x"}).content.decode()
    assert "No offer" in shown


def test_home_and_rail_lead_here_for_buyers_alone(client, page, stranger):
    assert reverse("cross_dock:task_list") in page.get("/").content.decode()
    client.force_login(stranger)
    assert reverse("cross_dock:task_list") not in client.get("/").content.decode()

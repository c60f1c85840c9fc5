"""Telling people once, as they want it, and keeping what they have read."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils.timezone import now

from ims.accounts import people, roles
from ims.notices import services as notices
from ims.notices.models import Letter, Notice, NoticeMute
from ims.notices.services import News
from ims.notices.tasks import prune_notices
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def test_everybody_addressed_gets_a_notice(operations, reader):
    notices.notify([operations, reader], "test.news", "It rains", url="/", key="rain")
    assert set(Notice.objects.values_list("user__username", "title")) == {
        ("operations", "It rains"),
        ("reader", "It rains"),
    }


def test_the_same_event_is_told_once(operations):
    for _ in range(2):
        notices.notify([operations], "test.news", "It rains", key="rain")
    assert Notice.objects.count() == 1


def test_an_event_without_a_key_is_told_each_time(operations):
    for _ in range(2):
        notices.notify([operations], "test.news", "It rains")
    assert Notice.objects.count() == 2


def test_the_database_itself_refuses_an_event_twice(operations):
    notices.notify([operations], "test.news", "It rains", key="rain")
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(user=operations, kind="test.news", title="It rains", key="rain")


@pytest.mark.django_db(transaction=True)
def test_two_who_tell_at_once_tell_once(operations):
    barrier = threading.Barrier(2)

    def tell() -> None:
        barrier.wait()
        notices.notify([operations], "test.news", "It rains", key="rain")
        connection.close()

    threads = [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Notice.objects.count() == 1


def test_a_muted_kind_is_not_told(operations, reader):
    notices.mute(operations, "test.news")
    notices.mute(operations, "test.news")  # a double click
    assert notices.notify([operations, reader], "test.news", "It rains") == 1
    assert Notice.objects.get().user == reader
    assert NoticeMute.objects.count() == 1


def test_an_unmuted_kind_is_told_again(operations):
    notices.mute(operations, "test.news")
    notices.unmute(operations, "test.news")
    assert notices.notify([operations], "test.news", "It rains") == 1


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_notice_leads_to_our_own_pages_alone(url):
    with pytest.raises(ValueError, match="give a path of this site"):
        News("test.news", "It rains", url=url)


@pytest.mark.parametrize("events", [1, 40])
def test_many_events_are_told_in_two_statements(operations, reader, events, django_assert_num_queries):
    news = [News("test.news", f"Event {number}", key=str(number)) for number in range(events)]
    users = [operations, reader]
    with django_assert_num_queries(2):
        notices.notify_all(users, news)
    assert Notice.objects.count() == 2 * events


def test_the_bell_takes_one_statement(operations, django_assert_num_queries):
    notices.notify_all([operations], [News("test.news", f"Event {number}") for number in range(120)])
    with django_assert_num_queries(1):
        unread = notices.unread(operations)
    assert unread.text == "99+"


def test_reading_is_for_ones_own_notices_alone(operations, reader):
    notices.notify([operations, reader], "test.news", "It rains")
    foreign = Notice.objects.get(user=reader)
    with pytest.raises(notices.UnknownNotice):
        notices.mark_read(operations, [foreign.pk])
    assert notices.mark_read(operations, "all") == 1
    assert notices.unread(reader).count == 1


def test_what_is_older_than_90_days_is_pruned(operations):
    notices.notify_all([operations], [News("test.news", "Old"), News("test.news", "New")])
    Letter.objects.create(user=operations, key="old")
    long_ago = now() - timedelta(days=91)
    Notice.objects.filter(title="Old").update(created_at=long_ago)
    Letter.objects.update(created_at=long_ago)
    assert prune_notices() == 2
    assert Notice.objects.get().title == "New"


def test_holders_of_a_role_are_the_active_ones_and_superusers_each_once(operations, reader, admin):
    make_user("left", roles.OPERATIONS, is_active=False)
    admin.groups.set(operations.groups.all())
    assert list(people.holding(roles.OPERATIONS)) == [operations, admin]

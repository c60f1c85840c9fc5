"""Licence managers hear of licences that expire soon or run low, once each."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.core import mail

from ims.notices import services
from ims.notices.models import Notice
from licensing import reminders
from licensing.tasks import send_licence_reminders
from scheduling import schedules
from scheduling.testing import drain

pytestmark = pytest.mark.django_db


def texts(today) -> list[str]:
    return [f"{each.licence}: {each.text}" for each in reminders.reminders(today)]


@pytest.mark.parametrize(
    ("days", "mark"), [(91, None), (90, "90"), (61, "90"), (60, "60"), (31, "60"), (30, "30"), (0, "30")]
)
def test_a_licence_is_told_at_90_60_and_30_days(licence, today, days, mark):
    licence(expiry_date=today + timedelta(days=days))
    assert [each.mark.rpartition(":")[2] for each in reminders.reminders(today)] == ([mark] if mark else [])


def test_what_cannot_be_used_any_more_is_not_told(licence, today):
    licence("GONE", expiry_date=today - timedelta(days=1))
    licence("NULL", credit="499", expiry_date=today)
    licence("OFF", is_active=False, expiry_date=today)
    assert texts(today) == []


def test_a_low_balance_is_told_with_the_amount(licence, today):
    licence(credit="4999.99")
    licence("L-2", credit="5000")
    assert texts(today) == ["L-1: Balance 4,999.99 USD"]


@pytest.mark.parametrize(
    ("days", "words"), [(0, "Expires today;"), (1, "in 1 day;"), (2, "Expires on 24 Nov 2026, in 2 days;")]
)
def test_an_expiry_is_told_with_its_day_as_everywhere(licence, days, words):
    day = date(2026, 11, 22)
    licence(expiry_date=day + timedelta(days=days))
    assert words in texts(day)[0]


def test_the_mail_leads_to_a_list_of_all_that_it_tells(client, licence, today, manager):
    licence("SOON", expiry_date=today + timedelta(days=90))
    licence("LOW", credit="800")
    licence("FINE")
    licence("GONE", expiry_date=today - timedelta(days=1))
    reminders.send(manager.pk, today)
    [address] = re.findall(r"All of them: (\S+)", mail.outbox[0].body)
    client.force_login(manager)
    found = client.get(address.removeprefix(settings.SITE_URL)).context["page_obj"]
    assert {each.license_number for each in found} == {"SOON", "LOW"}


def test_managers_get_one_mail_and_a_notice_for_each_mark(licence, today, manager, reader):
    licence("L-1", expiry_date=today + timedelta(days=45))
    licence("L-2", credit="800")
    assert send_licence_reminders() == 1
    drain()
    [letter] = mail.outbox
    assert letter.to == [manager.email]
    assert letter.subject == "2 licences need attention"
    assert f"in 45 days; balance {Decimal(10000):,.2f} USD" in letter.body
    assert "L-2 : Balance 800.00 USD" in letter.body
    assert set(Notice.objects.values_list("user__username", flat=True)) == {"manager"}
    assert Notice.objects.count() == 2


def test_the_same_is_not_told_again_but_the_next_mark_is(licence, today, manager):
    licence(expiry_date=today + timedelta(days=61))
    assert reminders.send(manager.pk, today)
    assert not reminders.send(manager.pk, today)
    assert not reminders.send(manager.pk, today + timedelta(days=0))
    assert reminders.send(manager.pk, today + timedelta(days=1))
    assert not reminders.send(manager.pk, today + timedelta(days=2))
    assert len(mail.outbox) == 2


def test_a_balance_that_recovered_and_fell_again_is_told_again(licence, today, manager):
    made = licence(credit="800")
    export = made.export_items.get()
    for day, credit in enumerate(["800", "700", "9000", "600", "600"]):
        export.cif_fc = Decimal(credit)
        export.save()
        send_licence_reminders_of(today + timedelta(days=day), manager)
    assert [letter.body.count("Balance") for letter in mail.outbox] == [1, 1]
    assert "Balance 600.00 USD" in mail.outbox[1].body
    assert Notice.objects.filter(kind=reminders.LOW).count() == 2


def send_licence_reminders_of(day, manager) -> None:
    reminders.tell(day)
    reminders.send(manager.pk, day)


def test_a_new_expiry_date_is_told_anew(licence, today, manager):
    made = licence(expiry_date=today + timedelta(days=20))
    reminders.tell(today)
    made.expiry_date = today + timedelta(days=25)
    made.save()
    reminders.tell(today)
    assert Notice.objects.count() == 2


def test_many_are_told_in_few_statements_and_a_mail_keeps_few_of_them(
    licence, today, manager, monkeypatch, django_assert_max_num_queries
):
    for number in range(7):
        licence(f"L-{number}", expiry_date=today + timedelta(days=number))
    monkeypatch.setattr(reminders, "AT_ONCE", 3)
    monkeypatch.setattr(reminders, "MOST_LINES", 2)
    with django_assert_max_num_queries(25):
        assert reminders.tell(today) == 7
    with django_assert_max_num_queries(2):
        mail = reminders.compose(reminders.reminders(today), set())
    assert (mail.new_count, len(mail.new), len(mail.marks)) == (7, 2, 7)
    assert "And 5 more." in reminders.draft(manager, mail).text


def test_who_muted_the_mail_gets_none(licence, today, manager):
    licence(expiry_date=today)
    services.mute(manager, reminders.MAIL)
    assert reminders.readers(today) == []


def test_the_mail_goes_out_in_the_morning_in_india():
    schedules.sync()
    assert f"{schedules.status('licence_reminders').next_run:%H:%M}" == "02:30"

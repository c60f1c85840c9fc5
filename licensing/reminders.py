"""Tell licence managers before a licence expires and when its balance gets low: at the bell and by e-mail.

A licence is told at 90, at 60 and at 30 days before its expiry, and whenever its balance has fallen below
LICENCE_LOW_BELOW_USD. The e-mail is one a day and person, and none where there is nothing new.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ims.accounts import people, roles
from ims.accounts.models import User
from ims.notices import kinds, letters, services
from ims.notices.services import News
from licensing.models import License
from licensing.queries import usable

DAYS = (30, 60, 90)
EXPIRING, LOW, MAIL = "licences.expiring", "licences.low", "licences.mail"
KEY = "licence_reminders:"
AUDIENCE = (roles.LICENCE_MANAGER,)
MOST_LINES = 100  # in a mail; the rest is a number and a link


def register_kinds() -> None:
    for name, title, state in (
        (EXPIRING, _("A licence expires soon"), "retry"),
        (LOW, _("A licence's balance is low"), "retry"),
        (MAIL, _("Daily e-mail on licences"), "run"),
    ):
        kinds.add(kinds.Kind(name, title, AUDIENCE, state))


@dataclass(frozen=True)
class Reminder:
    licence: License
    kind: str
    mark: str  # what is told once
    text: str

    @property
    def url(self) -> str:
        return settings.SITE_URL + self.licence.get_absolute_url()


def reminders(today: date) -> Iterator[Reminder]:
    """What is worth telling today, told before or not: soonest expiry first, then low balances."""
    found = License.objects.filter(usable(today))
    soon = found.filter(expiry_date__lte=today + timedelta(days=max(DAYS)))
    for licence in soon.order_by("expiry_date", "pk"):
        yield expiring(licence, today)
    for licence in found.filter(is_low()).order_by(F("expiry_date").asc(nulls_last=True), "pk"):
        since = licence.low_since or today
        text = f"Balance {licence.balance_cif:,.2f} USD"
        yield Reminder(licence, LOW, f"{licence.pk}:low:{since.isoformat()}", text)


def expiring(licence: License, today: date) -> Reminder:
    expiry = licence.expiry_date or today
    left = (expiry - today).days
    mark = next(days for days in DAYS if left <= days)
    when = "Expires today" if left == 0 else f"Expires on {expiry:%d.%m.%Y}, in {left} days"
    text = f"{when}; balance {licence.balance_cif:,.2f} USD"
    return Reminder(licence, EXPIRING, f"{licence.pk}:{expiry.isoformat()}:{mark}", text)


def is_low() -> Q:
    return Q(balance_cif__lt=settings.LICENCE_LOW_BELOW_USD)


def keep_low_since(today: date) -> None:
    """Remember since when balances are low, so that one that recovers and falls again is told again."""
    License.objects.exclude(low_since=None).exclude(is_low()).update(low_since=None)
    License.objects.filter(usable(today) & is_low(), low_since=None).update(low_since=today)


def tell(today: date) -> int:
    """At the bell, each once; returns to how many people's bells it was addressed."""
    keep_low_since(today)
    news = [
        News(
            each.kind,
            f"Licence {each.licence}",
            each.text,
            each.licence.get_absolute_url(),
            f"licence:{each.mark}",
        )
        for each in reminders(today)
    ]
    return services.notify_all(people.holding(*AUDIENCE), news) if news else 0


def readers(today: date) -> list[User]:
    """Who still gets the e-mail of this day: licence managers with an address who have not muted it."""
    holders = people.holding(*AUDIENCE).exclude(email="").exclude(pk__in=services.muting(MAIL))
    done = letters.recipients(key_of(today))
    return [user for user in holders if user.pk not in done]


def send(user_id: int, today: date) -> bool:
    """Send one person's e-mail unless it went out before or nothing is new; raises LetterError."""
    user = next((reader for reader in readers(today) if reader.pk == user_id), None)
    if user is None:
        return False
    told = letters.last_told(user, KEY)
    every = list(reminders(today))
    new = [each for each in every if each.mark not in told]
    if not new:
        return False
    return letters.send_once(user, key_of(today), draft(user, new, every))


def key_of(today: date) -> str:
    return f"{KEY}{today.isoformat()}"


def draft(user: User, new: list[Reminder], every: list[Reminder]) -> letters.Draft:
    shown = new[:MOST_LINES]
    context = {
        "user": user,
        "expiring": [each for each in shown if each.kind == EXPIRING],
        "low": [each for each in shown if each.kind == LOW],
        "more": len(new) - len(shown),
        "list_url": f"{settings.SITE_URL}/licences/?state=expiring-90",
        "notices_url": f"{settings.SITE_URL}/notices/",
    }
    subject = ngettext("%(n)s licence needs attention", "%(n)s licences need attention", len(new))
    return letters.Draft(
        subject=subject % {"n": len(new)},
        text=render_to_string("licensing/mail/reminders.txt", context),
        html=render_to_string("licensing/mail/reminders.html", context),
        told=[each.mark for each in every],
    )

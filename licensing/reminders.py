"""Tell licence managers before a licence expires and when its balance gets low: at the bell and by e-mail.

A licence is told at 90, at 60 and at 30 days before its expiry, and whenever its balance has fallen below
LICENCE_LOW_BELOW_USD. The e-mail is one a day and person, and none where there is nothing new.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from django.conf import settings
from django.db.models import F
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ims.accounts import people, roles
from ims.accounts.models import User
from ims.notices import kinds, letters, services
from ims.notices.services import News
from licensing import queries
from licensing.models import License

DAYS = (30, 60, queries.TOLD_AHEAD)
EXPIRING, LOW, MAIL = "licences.expiring", "licences.low", "licences.mail"
KEY = "licence_reminders:"
AUDIENCE = (roles.LICENCE_MANAGER,)
MOST_LINES = 100  # in a mail; the rest is a number and a link
MOST_TOLD = 10_000  # marks that a letter remembers
AT_ONCE = 500  # licences in memory


def register_kinds() -> None:
    for name, title, state in (
        (EXPIRING, _("Licence expires soon"), "retry"),
        (LOW, _("Licence with a low balance"), "retry"),
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
    found = License.objects.filter(queries.usable(today))
    soon = found.filter(queries.expiring(today))
    for licence in soon.order_by("expiry_date", "pk").iterator(chunk_size=AT_ONCE):
        yield expiring(licence, today)
    low = found.filter(queries.is_low()).order_by(F("expiry_date").asc(nulls_last=True), "pk")
    for licence in low.iterator(chunk_size=AT_ONCE):
        since = licence.low_since or today
        text = f"Balance {licence.balance_cif:,.2f} USD"
        yield Reminder(licence, LOW, f"{licence.pk}:low:{since.isoformat()}", text)


def expiring(licence: License, today: date) -> Reminder:
    expiry = licence.expiry_date or today
    left = (expiry - today).days
    mark = next(days for days in DAYS if left <= days)
    days = ngettext("%(n)s day", "%(n)s days", left) % {"n": left}
    when = f"Expires on {date_format(expiry, 'j M Y')}, in {days}" if left else "Expires today"
    text = f"{when}; balance {licence.balance_cif:,.2f} USD"
    return Reminder(licence, EXPIRING, f"{licence.pk}:{expiry.isoformat()}:{mark}", text)


def keep_low_since(today: date) -> None:
    """Remember since when balances are low, so that one that recovers and falls again is told again."""
    low = queries.is_low()
    License.objects.exclude(low_since=None).exclude(low).update(low_since=None)
    License.objects.filter(queries.usable(today) & low, low_since=None).update(low_since=today)


def tell(today: date) -> int:
    """At the bell, each once; returns to how many people's bells it was addressed."""
    keep_low_since(today)
    every, told = reminders(today), 0
    while some := list(islice(every, AT_ONCE)):
        told += services.notify_all(people.holding(*AUDIENCE), [news_of(each) for each in some])
    return told


def news_of(each: Reminder) -> News:
    title = f"Licence {each.licence}"
    return News(each.kind, title, each.text, each.licence.get_absolute_url(), f"licence:{each.mark}")


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
    mail = compose(reminders(today), letters.last_told(user, KEY))
    return bool(mail.new_count) and letters.send_once(user, key_of(today), draft(user, mail))


@dataclass
class Mail:
    """All that is new is counted, and the first of it kept."""

    new_count: int = 0
    new: list[Reminder] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)  # remembered for the next letter


def compose(every: Iterable[Reminder], told_before: set[str]) -> Mail:
    mail = Mail()
    for each in every:
        if len(mail.marks) < MOST_TOLD:
            mail.marks.append(each.mark)
        if each.mark not in told_before:
            mail.new_count += 1
            mail.new += [each] if len(mail.new) < MOST_LINES else []
    return mail


def key_of(today: date) -> str:
    return f"{KEY}{today.isoformat()}"


def draft(user: User, mail: Mail) -> letters.Draft:
    context = {
        "user": user,
        "expiring": [each for each in mail.new if each.kind == EXPIRING],
        "low": [each for each in mail.new if each.kind == LOW],
        "more": mail.new_count - len(mail.new),
        "list_url": f"{settings.SITE_URL}/licences/?state=attention",
        "notices_url": f"{settings.SITE_URL}/notices/",
    }
    subject = ngettext("%(n)s licence needs attention", "%(n)s licences need attention", mail.new_count)
    return letters.Draft(
        subject=subject % {"n": mail.new_count},
        text=render_to_string("licensing/mail/reminders.txt", context),
        html=render_to_string("licensing/mail/reminders.html", context),
        told=mail.marks,
    )

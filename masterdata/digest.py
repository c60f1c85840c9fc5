"""The daily e-mail to operations: parcels that need attention, new ones first; once a day and person."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.conf import settings
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils.translation import ngettext

from ims.accounts import people
from ims.accounts.models import User
from ims.notices import letters, services
from masterdata import alerts
from masterdata.carriers import courier_name
from masterdata.models import Parcel
from masterdata.statuses import PROBLEMS, TransitStatus

KEY = "tracking_digest:"
MOST_LINES = 50  # the rest is a number and a link
MOST_TOLD = 10_000  # marks that a letter remembers
AT_ONCE = 500  # rows of the database in memory


@dataclass(frozen=True)
class Line:
    """One parcel of the digest."""

    parcel: Parcel
    reason: str
    is_new: bool

    @property
    def mark(self) -> str:
        """What of this parcel was told; the same mark tomorrow is not new."""
        return mark(self.parcel)

    @property
    def carrier(self) -> str:
        return courier_name(self.parcel.courier_code)

    @property
    def url(self) -> str:
        return settings.SITE_URL + self.parcel.slip.get_absolute_url()


@dataclass
class Digest:
    """What a letter says: all are counted, and the first of them kept."""

    count: int = 0
    new_count: int = 0
    new: list[Line] = field(default_factory=list)
    known: list[Line] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)  # remembered for the next letter

    def add(self, line: Line) -> None:
        self.count += 1
        self.new_count += line.is_new
        kept = self.new if line.is_new else self.known
        if len(kept) < MOST_LINES:
            kept.append(line)
        if len(self.marks) < MOST_TOLD:
            self.marks.append(line.mark)

    @property
    def lines(self) -> list[Line]:
        return [*self.new, *self.known][:MOST_LINES]


def readers(day: date) -> list[User]:
    """Who still gets the digest of this day: operations with an e-mail address who have not muted it."""
    muted = services.muting(alerts.DIGEST)
    holders = people.holding(*alerts.AUDIENCE).exclude(email="").exclude(pk__in=muted)
    done = letters.recipients(key_of(day))
    return [user for user in holders if user.pk not in done]


def send(user_id: int, day: date, at: datetime) -> bool:
    """Send one person's digest unless it went out before or there is nothing to tell; raises LetterError."""
    user = next((reader for reader in readers(day) if reader.pk == user_id), None)
    if user is None:
        return False
    told = compose(found(at), letters.last_told(user, KEY))
    if not told.count:
        return False
    return letters.send_once(user, key_of(day), draft(user, told, day))


def key_of(day: date) -> str:
    return f"{KEY}{day.isoformat()}"


def found(at: datetime) -> QuerySet[Parcel]:
    return alerts.needing_attention(at).select_related("slip").order_by("-last_event_at", "-pk")


def compose(parcels: QuerySet[Parcel], told_before: set[str]) -> Digest:
    """What the last digest did not have apart; however many there are, few are in memory at a time."""
    digest = Digest()
    for parcel in parcels.iterator(chunk_size=AT_ONCE):
        digest.add(Line(parcel, reason(parcel), mark(parcel) not in told_before))
    return digest


def mark(parcel: Parcel) -> str:
    return f"{parcel.pk}:{kind(parcel)}"


def kind(parcel: Parcel) -> str:
    if parcel.status in PROBLEMS:
        return parcel.status
    return "error" if parcel.error else "quiet"


def reason(parcel: Parcel) -> str:
    """Why a person should look, in a few words."""
    if parcel.status in PROBLEMS:
        return str(TransitStatus(parcel.status).label)
    if parcel.error:
        return f"Track123: {parcel.error}"
    return f"No movement since {alerts.day_words(alerts.silent_since(parcel))}"


def draft(user: User, told: Digest, day: date) -> letters.Draft:
    shown = told.lines
    context = {
        "user": user,
        "day": day,
        "count": told.count,
        "new": [line for line in shown if line.is_new],
        "known": [line for line in shown if not line.is_new],
        "more": told.count - len(shown),
        "list_url": f"{settings.SITE_URL}/shipments/?group=attention",
        "notices_url": f"{settings.SITE_URL}/notices/",
    }
    subject = ngettext("%(n)s parcel needs attention", "%(n)s parcels need attention", told.count)
    return letters.Draft(
        subject=subject % {"n": told.count} + (f", {told.new_count} new" if told.new_count else ""),
        text=render_to_string("masterdata/mail/digest.txt", context),
        html=render_to_string("masterdata/mail/digest.html", context),
        told=told.marks,
    )

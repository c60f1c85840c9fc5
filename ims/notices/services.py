"""Tell people, and keep what they have read: the only writer of notices and mutes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from django.db.models import QuerySet
from django.utils.timezone import now

from ims.accounts.models import User
from ims.lib.pruning import delete_created_before
from ims.notices.models import Letter, Notice, NoticeMute

KEPT = timedelta(days=90)
MOST_SHOWN = 99  # beyond it the bell says 99+
BATCH = 500  # rows a statement


class UnknownNotice(Exception):
    """One of these notices is not this person's, or does not exist."""


@dataclass(frozen=True)
class News:
    """An event that people are told; `key` names it, so that telling it again adds nothing."""

    kind: str
    title: str
    text: str = ""
    url: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if self.url and (not self.url.startswith("/") or self.url.startswith("//")):
            raise ValueError(f"url={self.url!r}: give a path of this site, e.g. /shipments/7/")


@dataclass(frozen=True)
class Unread:
    """How many notices a person has not read; `version` changes whenever the bell has something new."""

    count: int
    newest: int

    @property
    def text(self) -> str:
        return str(self.count) if self.count <= MOST_SHOWN else f"{MOST_SHOWN}+"

    @property
    def version(self) -> str:
        return f"{self.count}-{self.newest}"


def notify(users: Iterable[User], kind: str, title: str, text: str = "", url: str = "", key: str = "") -> int:
    """Tell these people of one event, once each; returns to how many it was addressed after their mutes."""
    return notify_all(users, [News(kind, title, text, url, key)])


def notify_all(users: Iterable[User], news: Sequence[News]) -> int:
    """Tell these people of many events, in few statements."""
    told = list(users)
    muted = set(NoticeMute.objects.filter(kind__in={each.kind for each in news}).values_list("user", "kind"))
    notices = [
        Notice(
            user=user,
            kind=each.kind,
            title=each.title[:200],
            text=each.text,
            url=each.url,
            key=each.key or uuid4().hex,
        )
        for each in news
        for user in told
        if (user.pk, each.kind) not in muted
    ]
    Notice.objects.bulk_create(notices, batch_size=BATCH, ignore_conflicts=True)
    return len(notices)


def unread(user: User) -> Unread:
    """The bell's number: one look into an index of unread notices, of a hundred rows at most."""
    newest = Notice.objects.filter(user=user, read_at=None).order_by("-id").values_list("pk", flat=True)
    ids = list(newest[: MOST_SHOWN + 1])
    return Unread(len(ids), ids[0] if ids else 0)


def mark_read(user: User, ids: Iterable[int] | Literal["all"]) -> int:
    """Mark a person's own notices as read; returns how many were not. Raises UnknownNotice."""
    own = Notice.objects.filter(user=user)
    if ids != "all":
        wanted = set(ids)
        own = own.filter(pk__in=wanted)
        if own.count() < len(wanted):
            raise UnknownNotice
    return own.filter(read_at=None).update(read_at=now(), updated_at=now())


def mute(user: User, kind: str) -> None:
    """Tell this person no more of a kind; what was told stays."""
    NoticeMute.objects.get_or_create(user=user, kind=kind)


def unmute(user: User, kind: str) -> None:
    NoticeMute.objects.filter(user=user, kind=kind).delete()


def muted_kinds(user: User) -> set[str]:
    return set(NoticeMute.objects.filter(user=user).values_list("kind", flat=True))


def muting(kind: str) -> QuerySet[NoticeMute, int]:
    """The ids of the people who do not want this kind."""
    return NoticeMute.objects.filter(kind=kind).values_list("user_id", flat=True)


def prune(at: datetime) -> int:
    """Delete notices and letters older than 90 days, in short statements; returns how many went."""
    old = (Notice.objects.all(), Letter.objects.filter(is_kept=False))
    return sum(delete_created_before(at - KEPT, rows) for rows in old)

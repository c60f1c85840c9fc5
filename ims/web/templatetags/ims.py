"""Template tags of the look: icons, badges, times, numbers, pages of a list.

    {% load ims %}
    {% icon "truck" %}  {% badge "running" "In transit" %}
    {% ago slip.created_at %}  {% elapsed job.started_at %}  {% left offer.expires_at %}
    {% soon schedule.next_run %}  {% exact slip.created_at %}  {{ job.seconds|duration }}
    {{ slip.quantity|number }}  {{ failed|count }}  {% pager page_obj %}
    <form method="post">{% csrf_token %}{% send_once %}

Times are computed here, so they are right without JavaScript; live.js keeps them ticking in the same words.
"""

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import template
from django.core.paginator import Page
from django.forms import BoundField, CheckboxInput
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ims.accounts.roles import EIC
from ims.lib.local_time import local, zone_name
from ims.submissions import once

register = template.Library()

MISSING = "—"
ZERO = SafeString('<span class="zero">0</span>')
MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
LONG = 12  # letters of a badge that fit beside a name on a phone
OLD = 60 * DAY  # from here on a date says more than a number of days
LEVELS = {  # of a message: its state and icon
    "success": ("ok", "circle-check"),
    "info": ("run", "info-circle"),
    "warning": ("retry", "alert-triangle"),
    "error": ("fail", "alert-triangle"),
}


# --- Icons, badges, roles ---------------------------------------------------------------------------


@register.inclusion_tag("parts/icon.html")
def icon(name: str) -> dict[str, str]:
    """A drawing from the sprite, hidden from screen readers: words stand beside it or in aria-label."""
    return {"name": name}


@register.inclusion_tag("parts/badge.html")
def badge(state: str, text: object = "") -> dict[str, object]:
    """A state as colour, shape and word; the word is the state itself unless given."""
    words = str(text or state.replace("_", " "))
    return {"state": state, "text": words, "is_long": len(words) > LONG}


@register.filter
def level_state(level: str) -> str:
    return LEVELS.get(level, LEVELS["info"])[0]


@register.filter
def level_icon(level: str) -> str:
    return LEVELS.get(level, LEVELS["info"])[1]


@register.filter
def role_names(user: Any) -> str:
    """A user's roles as one line, e.g. 'buyer, operator'."""
    names = sorted(EIC.upper() if role == EIC else role for role in user.roles)
    return ", ".join(names) or (_("administrator") if user.is_superuser else _("no role"))


@register.filter
def breakable(name: str) -> SafeString:
    """A name such as 'billing.send_invoice_email', which may wrap after its dots and underscores."""
    return SafeString(re.sub(r"[._:]", r"\g<0><wbr>", escape(name)))


@register.filter
def is_check(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)


# --- Times --------------------------------------------------------------------------------------------


@register.inclusion_tag("parts/time.html")
def ago(when: datetime | None) -> dict[str, str]:
    """How long since: 'now', '4 s ago', '12 min ago'; a date when that is long past."""
    if not when:  # also "", which a template makes of an attribute of nothing
        return missing()
    seconds = (timezone.now() - when).total_seconds()
    if seconds >= OLD:
        return shown(when, text=date_format(local(when), "j M Y"))
    return shown(when, "ago", since_words(seconds))


@register.inclusion_tag("parts/time.html")
def soon(when: datetime | None) -> dict[str, str]:
    """How long until, roughly: 'in 12 min', 'now' when due."""
    if not when:
        return missing()
    return shown(when, "soon", until_words((when - timezone.now()).total_seconds()))


@register.inclusion_tag("parts/time.html")
def elapsed(since: datetime | None) -> dict[str, str]:
    """A running clock: '1:12', '2:03:04'."""
    return shown(since, "elapsed", span((timezone.now() - since).total_seconds())) if since else missing()


@register.inclusion_tag("parts/time.html")
def left(until: datetime | None) -> dict[str, str]:
    """A countdown '0:42'; live.js turns the nearest data-state to late at 30 s and to failed at 0."""
    return shown(until, "left", span((until - timezone.now()).total_seconds())) if until else missing()


@register.inclusion_tag("parts/time.html")
def exact(when: datetime | None) -> dict[str, str]:
    """Date, time and zone: '22 Nov 2026, 09:14:02 IST'."""
    return shown(when, text=exact_words(when)) if when else missing()


@register.filter
def duration(seconds: float | None) -> str:
    """A finished length of time: '0.4 s' below ten seconds, else '1:12'."""
    if seconds is None:
        return MISSING
    if 0 < seconds < 0.05:
        return "< 0.1 s"  # not nothing
    return f"{seconds:.1f} s" if seconds < 10 else span(seconds)


def shown(when: datetime, kind: str = "", text: str = "") -> dict[str, str]:
    iso = when.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"iso": iso, "exact": exact_words(when), "kind": kind, "text": text}


def missing() -> dict[str, str]:
    return {"text": MISSING}


def exact_words(when: datetime) -> str:
    there = local(when)
    return f"{date_format(there, 'j M Y, H:i:s')} {zone_name(there)}"


def since_words(seconds: float) -> str:
    return _("now") if seconds < 5 else _("%(span)s ago") % {"span": rough(seconds)}


def until_words(seconds: float) -> str:
    return _("now") if seconds < 1 else _("in %(span)s") % {"span": rough(seconds)}


def rough(seconds: float) -> str:
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"


def span(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# --- Numbers and pages ----------------------------------------------------------------------------------


@register.filter
def number(value: Any) -> Any:
    """Thousands separated; '—' for what is missing or not a number. Text passes unchanged."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{value:,}" if math.isfinite(value) else MISSING
    return value


@register.filter
def count(value: int | None) -> str | SafeString:
    """A number of things, with zero in grey so that the eye passes over it."""
    return ZERO if value == 0 else number(value)


@register.simple_tag
def send_once() -> SafeString:
    """This form's own key: its view, which is @once, does it once however often the button is pressed."""
    return format_html('<input type="hidden" name="{}" value="{}">', once.FIELD, uuid4())


@register.inclusion_tag("parts/pager.html", takes_context=True)
def pager(context: template.Context, page: Page[Any]) -> dict[str, str]:
    """Newer and Older for a page of a Paginator; the query's other parts stay."""
    if not page.paginator.count:
        return {}
    first, last = number(page.start_index()), number(page.end_index())
    text = _("%(rows)s of %(all)s") % {
        "rows": first if first == last else f"{first}–{last}",
        "all": number(page.paginator.count),
    }
    return {
        "text": text,
        "newer": address(context, page.previous_page_number()) if page.has_previous() else "",
        "older": address(context, page.next_page_number()) if page.has_next() else "",
    }


def address(context: template.Context, page_number: int) -> str:
    query = context["request"].GET.copy()
    query["page"] = str(page_number)
    query.pop("seen", None)  # said by a part that asked anew (ims.web.live), not by the reader
    return f"?{query.urlencode()}"

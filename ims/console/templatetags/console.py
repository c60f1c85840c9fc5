"""For the pages of other apps:

{% load console %} {% job_link import.job_id %} {% jobs_link "logistics." %}
"""

from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse

from ims.lib.local_time import local
from ims.web.registry import allowed
from ims.web.templatetags.ims import duration
from scheduling import roles

register = template.Library()


@register.inclusion_tag("console/parts/job_link.html", takes_context=True)
def job_link(context: template.Context, job_id: str | None) -> dict[str, Any]:
    """The way to a job in the console, for those who may look there; nothing for others."""
    return {"job_id": job_id if job_id and allowed(context["user"], roles.LOOK) else ""}


@register.inclusion_tag("console/parts/jobs_link.html", takes_context=True)
def jobs_link(context: template.Context, app: str) -> dict[str, Any]:
    """The way to all jobs of an app's tasks, where a page has no job of its own to show."""
    return {"app": app if allowed(context["user"], roles.LOOK) else ""}


@register.filter
def time_of_day(when: datetime) -> str:
    """Beside an exact time, which names the day and the zone."""
    return f"{local(when):%H:%M:%S}"


@register.filter
def length_of_time(seconds: float | None) -> str:
    """With two digits that count: '0.012 s', '4.2 s', '1:12'."""
    if seconds is None or seconds >= 1:
        return duration(seconds)
    return f"{float(f'{seconds:.2g}'):g} s"


@register.filter
def address_of(target: str) -> str:
    """Of what an entry of the audit log is about, e.g. "job:ID"; empty where it has no page."""
    kind, _, name = target.partition(":")
    has_page = kind in {"job", "schedule"} and name and "/" not in name
    return reverse(f"console:{kind}", args=[name]) if has_page else ""

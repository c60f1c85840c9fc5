"""The words of price requests."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from crossdock.models import CrossDockTask, Stage, Status
from crossdock.pricing import VIEW
from ims.web.templatetags.ims import number

register = template.Library()

STATES = {
    Status.PENDING: "waiting",
    Status.RUNNING: "running",
    Status.SUCCESS: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}


@register.filter
def state_of(task: CrossDockTask) -> str:
    """The state by which the style sheet colours it."""
    return STATES[Status(task.status)]


@register.filter
def stage_words(task: CrossDockTask) -> str:
    """'Matching prices · 63,120 of 100,000'."""
    label = Stage(task.stage).label if task.stage else _("Starting")
    if task.stage == Stage.PRICING and task.rows_total is not None:
        of = _("%(done)s of %(total)s") % {
            "done": number(task.rows_done),
            "total": number(task.rows_total - task.rows_failed),
        }
        return f"{label} · {of}"
    return str(label)


@register.filter
def matched_words(task: CrossDockTask) -> str:
    if not task.rows_done:
        return _("No parts were asked")
    return _("%(share).1f %% of parts priced") % {"share": 100 * task.rows_matched / task.rows_done}


@register.filter
def source_words(priced: Any) -> str:
    """Of a request or a look-up: where its prices come from."""
    return _("the view of best offers") if priced.source == VIEW else _("the original query")

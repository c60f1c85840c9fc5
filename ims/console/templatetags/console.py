"""For the pages of other apps: {% load console %} {% job_link import.job_id %}."""

from typing import Any

from django import template

from ims.web.registry import allowed
from scheduling import roles

register = template.Library()


@register.inclusion_tag("console/parts/job_link.html", takes_context=True)
def job_link(context: template.Context, job_id: str | None) -> dict[str, Any]:
    """The way to a job in the console, for those who may look there; nothing for others."""
    return {"job_id": job_id if job_id and allowed(context["user"], roles.LOOK) else ""}

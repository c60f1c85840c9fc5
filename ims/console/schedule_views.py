"""Schedules: when each runs next and how it last ended; start, stop, another interval, run now."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.console.access import may_act
from ims.console.cadence_words import cadence_words
from ims.web import live
from ims.web.access import needs_role
from scheduling import overview, roles, schedules
from scheduling.exceptions import BadInterval, UnknownSchedule
from scheduling.schedules import ScheduleStatus
from scheduling.search import JobRow, by_ids


class Line(NamedTuple):
    schedule: ScheduleStatus
    cadence: str
    last: JobRow | None

    @property
    def state(self) -> str:
        if self.schedule.broken:
            return "failed"
        return "ok" if self.schedule.active else "paused"

    @property
    def word(self) -> str:
        if self.schedule.broken:
            return _("broken")
        return _("active") if self.schedule.active else _("stopped")


@require_safe
@needs_role(*roles.LOOK)
def schedule_list(request: HttpRequest) -> HttpResponse:
    """Every schedule in the order of its name; rows made by hand last."""
    lines = describe(schedules.all_statuses())
    alive = overview.look().alive
    context = {
        "lines": lines,
        "alive": alive,
        "may_act": may_act(request),
        "seen": live.version((lines, bool(alive))),
    }
    return live.answer(request, "console/schedules.html", "console/parts/schedules.html", context)


@require_safe
@needs_role(*roles.LOOK)
def schedule(request: HttpRequest, key: str) -> HttpResponse:
    """One schedule: its next runs, how it last ended, and the form for another interval."""
    found = find(key)
    [line] = describe([found])
    next_runs = schedules.next_runs(found.key)
    context = {
        "line": line,
        "next_runs": next_runs,
        "may_act": may_act(request),
        "seen": live.version((line, next_runs)),
    }
    return live.answer(request, "console/schedule.html", "console/parts/schedule.html", context)


@require_POST
@needs_role(*roles.OPERATE)
def start(request: HttpRequest, key: str) -> HttpResponse:
    """Start it as it was; or, from the form, give it another interval, or with an empty one the declared."""
    found, text = declared(key), request.POST.get("interval")
    try:
        if text is None:
            started = schedules.resume(found.name, user=request.user)
        else:
            started = schedules.start(found.name, read_interval(text.strip()), user=request.user)
    except BadInterval as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Runs %(cadence)s.") % {"cadence": cadence_words(started)})
    return redirect("console:schedule", found.key)


@require_POST
@needs_role(*roles.OPERATE)
def stop(request: HttpRequest, key: str) -> HttpResponse:
    found = declared(key)
    schedules.stop(found.name, user=request.user)
    messages.success(request, _("%(name)s is stopped until somebody starts it.") % {"name": found.name})
    return redirect("console:schedule", found.key)


@require_POST
@needs_role(*roles.OPERATE)
def run(request: HttpRequest, key: str) -> HttpResponse:
    job = schedules.run_now(declared(key).name, user=request.user)
    messages.success(request, _("Queued: this is its job."))
    return redirect("console:job", job.id)


def read_interval(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 7):
        raise BadInterval(_("Interval: give a whole number of minutes."))
    return int(text) if text else None


def describe(found: list[ScheduleStatus]) -> list[Line]:
    last = by_ids([each.last_job_id for each in found if each.last_job_id])
    return [Line(each, cadence_words(each), last.get(each.last_job_id or "")) for each in found]


def find(key: str) -> ScheduleStatus:
    try:
        return schedules.status(key)
    except UnknownSchedule as error:
        raise Http404(str(error)) from error


def declared(key: str) -> Any:
    """A schedule that the console may change; rows made by hand are changed in the admin."""
    found = find(key)
    if found.handmade:
        raise Http404(f"{key} was made by hand; change it in the admin.")
    return found

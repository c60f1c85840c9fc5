"""Lists of jobs, one job, failures by group; retry, run again, cancel."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.console.access import may_act
from ims.web import live
from ims.web.access import needs_role
from ims.web.registry import NavItem, nav_for
from scheduling import actions, bulk, declaration, details, failures, mutes, roles, search
from scheduling.declaration import QUEUES
from scheduling.exceptions import NotPossible, UnknownJob
from scheduling.text import GIST_LENGTH

FILTERS = ("state", "task", "queue", "q")


@require_safe
@needs_role(*roles.LOOK)
def jobs(request: HttpRequest) -> HttpResponse:
    """Jobs by state, task, queue and text, a page at a time."""
    asked = {name: request.GET.get(name, "") for name in FILTERS}
    try:
        page = search.find(search.JobFilter(**asked), request.GET.get("cursor", ""))
    except search.BadFilter as error:
        return render(request, "400.html", {"reason": str(error)}, status=400)
    filled = {name: value for name, value in asked.items() if value}
    context = {
        "page": page,
        "asked": asked,
        "filled": filled,
        "states": search.STATES,
        "queues": QUEUES,
        "tasks": sorted(task.name for task in declaration.tasks()),
        "fields": search.TEXT_FIELDS,
        "bulk": [
            {"action": action, "address": urlencode({"action": action, **filled})}
            for action in bulk.actions_for(asked["state"])
        ],
        "may_act": may_act(request),
        "older": urlencode({**filled, "cursor": page.older}) if page.older else "",
        "first": "" if not request.GET.get("cursor") else f"?{urlencode(filled)}",
        "address": urlencode(
            {**filled, **({"cursor": request.GET["cursor"]} if "cursor" in request.GET else {})}
        ),
        "seen": live.version((page, asked)),
    }
    return live.answer(request, "console/jobs.html", "console/parts/jobs.html", context)


@require_safe
@needs_role(*roles.LOOK)
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Everything that is known of one job."""
    found = find(job_id)
    progress = found.progress and (found.progress.percent, found.progress.stage)
    facts = (
        found.state,
        found.started,
        len(found.attempts),
        progress,
        found.due_at,
        bool(found.cancellation),
        found.cluster_state,
    )
    context = {
        "job": found,
        "system": system_of(request, found),
        "may_act": may_act(request),
        "grace": settings.Q_CANCEL_GRACE_SECONDS,
        "seen": live.version(facts),
    }
    return live.answer(request, "console/job.html", "console/parts/job.html", context)


@require_safe
@needs_role(*roles.LOOK)
def failure_groups(request: HttpRequest) -> HttpResponse:
    """Failed jobs of the last days, grouped by task and error."""
    groups = failures.groups()
    total = failures.count(groups)
    shown = [
        {
            "group": each,
            "address": urlencode({"state": "failed", "task": each.task, "q": each.error[:100]}),
            "mute": urlencode({"task": each.task, "error": each.error}),
        }
        for each in sorted(groups, key=lambda each: bool(each.muted))
    ]
    context = {
        "groups": shown,
        "total": total,
        "days": failures.DAYS,
        "how": mutes.HOW,
        "may_act": may_act(request),
        "seen": live.version((groups, total)),
    }
    return live.answer(request, "console/failures.html", "console/parts/failures.html", context)


@require_POST
@needs_role(*roles.OPERATE)
def mute(request: HttpRequest) -> HttpResponse:
    """Hear no more of a group of failures for a while; it is named in the address."""
    task, error, how = (request.GET.get(name, "") for name in ("task", "error", "how"))
    try:
        mutes.mute(task[:256], error[:GIST_LENGTH], how, user=request.user)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Muted %(how)s.") % {"how": mutes.HOW[how]})
    return redirect("console:failures")


@require_POST
@needs_role(*roles.OPERATE)
def unmute(request: HttpRequest) -> HttpResponse:
    mutes.unmute(request.GET.get("task", ""), request.GET.get("error", ""), user=request.user)
    messages.success(request, _("It is heard again."))
    return redirect("console:failures")


@require_POST
@needs_role(*roles.OPERATE)
def retry(request: HttpRequest, job_id: str) -> HttpResponse:
    return act(request, job_id, actions.retry, _("Queued for one more attempt."))


@require_POST
@needs_role(*roles.OPERATE)
def run_again(request: HttpRequest, job_id: str) -> HttpResponse:
    return act(request, job_id, actions.run_again, _("Queued as a new job: this one."))


@require_POST
@needs_role(*roles.OPERATE)
def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    return act(request, job_id, actions.cancel, _("Cancelled; a running job is asked to stop."))


def act(request: HttpRequest, job_id: str, action: Any, words: str) -> HttpResponse:
    """Do it, say what was done or why not, and show the job that it concerns now."""
    try:
        done = action(job_id, user=request.user)
    except UnknownJob as error:
        raise Http404(str(error)) from error
    except NotPossible as error:
        messages.error(request, str(error))
        return redirect("console:job", job_id)
    messages.success(request, words)
    return redirect("console:job", getattr(done, "id", job_id))


def system_of(request: HttpRequest, job: details.JobDetails) -> NavItem | None:
    """The system a job works for, as the rail shows it to this person: the app that declares its task."""
    app = job.func.partition(".")[0]
    return next((item for item in nav_for(request.user) if namespace(item) == app), None)


def namespace(item: NavItem) -> str:
    """Of its address, which is the app's name but for underscores."""
    return item.url_name.partition(":")[0].replace("_", "")


def find(job_id: str) -> details.JobDetails:
    try:
        return details.of(job_id)
    except (UnknownJob, ValueError) as error:
        raise Http404(str(error)) from error

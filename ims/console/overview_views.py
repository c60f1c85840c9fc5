"""The first page of the console: queues, clusters, what runs; pausing queues; alerts; the audit log."""

from dataclasses import replace

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.console.access import may_act
from ims.lib import audit
from ims.web import live
from ims.web.access import needs_role
from scheduling import health, queues, roles
from scheduling import overview as engine
from scheduling.exceptions import UnknownQueue
from scheduling.operation_models import Incident
from scheduling.roles import ACTIONS

ROWS = 50  # on a page


@require_safe
@needs_role(*roles.LOOK)
def overview(request: HttpRequest) -> HttpResponse:
    """What the engine does now."""
    look = engine.look()
    still = [replace(each, seen_at=each.started_at) if each.is_alive else each for each in look.clusters]
    is_quiet = queues.is_quiet()
    starved = [check.message for check in health.starving(look)]
    context = {
        "engine": look,
        "busy": sum(len(each.running) for each in look.alive),
        "workers": sum(each.workers for each in look.alive),
        "totals": {
            name: look.total(name)
            for name in ("waiting", "running", "unheard", "retrying", "failed", "scheduled")
        },
        "unserved": ", ".join(queue.name for queue in look.unserved),
        "served_by": ",".join(queue.name for queue in look.unserved),
        "stranded": sum(queue.waiting + queue.retrying + queue.unheard for queue in look.unserved),
        "nobody": not look.alive,
        "paused": [] if is_quiet else [queue for queue in look.queues if queue.paused_at],
        "is_quiet": is_quiet,
        "held": look.total("running"),
        "starved": starved,
        "may_act": may_act(request),
        "seen": live.version((look.queues, still, look.next_retry_at, bool(starved), is_quiet)),
    }
    return live.answer(request, "console/overview.html", "console/parts/overview.html", context)


@require_POST
@needs_role(*roles.OPERATE)
def pause(request: HttpRequest, name: str) -> HttpResponse:
    try:
        queues.pause(name, user=request.user)
    except UnknownQueue as error:
        raise Http404(str(error)) from error
    messages.success(
        request, _("%(queue)s is paused: running jobs go on, no other starts.") % {"queue": name}
    )
    return redirect("console:overview")


@require_POST
@needs_role(*roles.OPERATE)
def resume(request: HttpRequest, name: str) -> HttpResponse:
    try:
        queues.resume(name, user=request.user)
    except UnknownQueue as error:
        raise Http404(str(error)) from error
    messages.success(request, _("%(queue)s is resumed.") % {"queue": name})
    return redirect("console:overview")


@require_POST
@needs_role(*roles.OPERATE)
def quiet(request: HttpRequest) -> HttpResponse:
    queues.quiet(user=request.user)
    messages.success(request, _("All queues are paused. Deploy when nothing runs any more."))
    return redirect("console:overview")


@require_POST
@needs_role(*roles.OPERATE)
def wake(request: HttpRequest) -> HttpResponse:
    queues.wake(user=request.user)
    messages.success(request, _("Quiet mode is over; queues that were paused before it still are."))
    return redirect("console:overview")


@require_safe
@needs_role(*roles.LOOK)
def alerts(request: HttpRequest) -> HttpResponse:
    """What people were warned of, and who is warned."""
    page = Paginator(Incident.objects.all(), ROWS).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "emails": len(settings.ALERT_EMAILS),
        "webhook": bool(settings.ALERT_WEBHOOK),
        "seen": live.version([page.paginator.count, *((each.pk, each.ended_at) for each in page)]),
    }
    return live.answer(request, "console/alerts.html", "console/parts/alerts.html", context)


@require_safe
@needs_role(*roles.LOOK)
def audit_log(request: HttpRequest) -> HttpResponse:
    """Who did what to jobs, queues and schedules, and what it was before and after."""
    found = audit.entries(ACTIONS, request.GET.get("cursor", ""), ROWS + 1)
    older = found[ROWS - 1].pk if len(found) > ROWS else None
    return render(request, "console/audit.html", {"entries": found[:ROWS], "older": older})

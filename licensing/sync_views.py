"""The sync's page: begin one, watch it, read the last report."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.lib import audit
from ims.web.access import needs_role
from licensing import runs, tasks
from licensing.models import SyncRun
from licensing.rules import LOOK
from licensing.views import may_act
from scheduling import job, schedules

RECENT = 10


@require_safe
@needs_role(*LOOK)
def sync(request: HttpRequest) -> HttpResponse:
    """How far the newest sync is, and what it found; as a fragment while it runs."""
    latest = runs.latest()
    context = {"run": latest, **runs.stage_of(latest), "may_act": may_act(request)}
    if request.htmx:
        return render(request, "licensing/parts/sync_state.html", context)
    context |= {
        "recent": SyncRun.objects.select_related("user")[1 : RECENT + 1],
        "schedule": schedules.status("sync_all_licenses"),
    }
    return render(request, "licensing/sync.html", context)


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def start(request: HttpRequest) -> HttpResponse:
    """Queue a sync, or a dry run."""
    dry = request.POST.get("dry") == "1"
    run = tasks.queue_sync(request.user, dry=dry)
    audit.record("licences.sync", f"sync:{run.pk}", request.user, after={"dry_run": dry})
    return redirect("licensing:sync")


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def cancel(request: HttpRequest) -> HttpResponse:
    """Ask the running sync to stop; what it has written stays, and is right."""
    latest = runs.latest()
    if latest and latest.job_id and not latest.finished_at:
        job(latest.job_id).cancel(by=request.user)
        audit.record("licences.sync_cancel", f"sync:{latest.pk}", request.user)
        messages.info(request, _("The sync stops after its batch."))
    return redirect("licensing:sync")

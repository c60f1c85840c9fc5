"""Retry, cancel or delete all that match: a page that counts and asks, then a job."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ims.web.access import needs_role
from scheduling import bulk, roles
from scheduling.search import BadFilter, JobFilter

FILTERS = ("state", "task", "queue", "q")


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(*roles.OPERATE)
def bulk_action(request: HttpRequest) -> HttpResponse:
    """The question, with how many jobs it concerns; or, answered, the job that does it."""
    given = request.POST if request.method == "POST" else request.GET
    action = given.get("action", "")
    asked = {name: given[name] for name in FILTERS if given.get(name)}
    try:
        wanted = JobFilter(**asked)
        if request.method == "POST":
            job = bulk.begin(action, wanted, user=request.user)
            messages.success(request, _("Begun: this job does it, and can be cancelled."))
            return redirect("console:job", job.id)
        counted = bulk.count(action, wanted)
    except BadFilter as error:
        return render(request, "400.html", {"reason": str(error)}, status=400)
    context = {
        "action": action,
        "asked": asked,
        "counted": counted,
        "consequence": bulk.CONSEQUENCES[action],
        "list": urlencode(asked),
    }
    return render(request, "console/bulk.html", context)

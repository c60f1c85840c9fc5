"""The pages of shipments: the list with its live figures, and one order with its parcels."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from ims.accounts import roles
from ims.lib import audit
from ims.web import live
from ims.web.access import needs_role
from masterdata import bulk_views, queries, runs, slips, tracking_service
from masterdata.forms import CourierForm, ShipmentFilter
from masterdata.models import PackingSlip
from masterdata.tasks import register_parcels

ROWS = 50  # on a page


@require_safe
@needs_role(*roles.STAFF)
def shipments(request: HttpRequest) -> HttpResponse:
    """All packing slips, newest first; as a fragment, the rows alone."""
    chosen = ShipmentFilter(request.GET, vendors=queries.vendors())
    found = queries.search_slips(PackingSlip.objects.prefetch_related("parcels"), **chosen.wanted)
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    context = {
        "page_obj": page,
        "filter": chosen,
        "filtered": bool(chosen.wanted),
        "may_act": request.user.has_role(roles.OPERATIONS),
        "changes": bulk_views.CHOICES,
    }
    if request.htmx:
        return render(request, "masterdata/parts/rows.html", context)
    return render(request, "masterdata/shipments.html", {**context, **state_of_things(request)})


@require_safe
@needs_role(*roles.STAFF)
def progress(request: HttpRequest) -> HttpResponse:
    """How far the newest full update is, and the figures; nothing while neither moved."""
    context = state_of_things(request)
    return live.part(request, "masterdata/parts/progress.html", context, event="shipments:changed")


def state_of_things(request: HttpRequest) -> dict[str, Any]:
    latest = runs.latest_progress()
    figures, changed_at = queries.figures_and_change()
    return {
        "latest": latest,
        "seen": live.version((latest and latest.version, figures, changed_at)),
        "figures": figures,
        "due": slips.due().count(),
        "may_act": request.user.has_role(roles.OPERATIONS),
    }


@require_POST
@needs_role(roles.OPERATIONS)
def update_all(request: HttpRequest) -> HttpResponse:
    """Queue a full update."""
    count = slips.due().count()
    tracking_service.trigger_immediate_update()
    queued = ngettext("Queued an update of %(n)s shipment.", "Queued an update of %(n)s shipments.", count)
    messages.success(request, queued % {"n": count})
    return redirect("masterdata:shipments")


@require_safe
@needs_role(*roles.STAFF)
def shipment(request: HttpRequest, pk: int) -> HttpResponse:
    """One packing slip, its parcels and the story of each."""
    known = PackingSlip.objects.select_related("product").prefetch_related("parcels__events")
    slip = get_object_or_404(known, pk=pk)
    siblings = PackingSlip.objects.filter(order_id=slip.order_id).exclude(pk=pk)
    context = {
        "slip": slip,
        "siblings": siblings[:20],
        "may_act": request.user.has_role(roles.OPERATIONS),
        "may_edit": request.user.is_staff and request.user.has_perm("masterdata.change_packingslip"),
        "courier_form": CourierForm(initial={"courier": slips.courier(slip)}),
        "is_unfollowed": slips.is_unfollowed(slip),
    }
    return render(request, "masterdata/shipment.html", context)


@require_POST
@needs_role(roles.OPERATIONS)
def update_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask Track123 about this packing slip and show what it said."""
    slip = get_object_or_404(PackingSlip, pk=pk)
    result = tracking_service.update_single_order_tracking(slip.pk)
    if not result["success"]:
        messages.error(request, result["error"])
    elif result.get("skipped"):
        messages.info(request, result["message"])
    else:
        messages.success(request, change_sentence(result))
    return redirect(slip)


def change_sentence(result: dict[str, Any]) -> str:
    if result["old_status"] == result["new_status"]:
        return _("Still %(status)s.") % {"status": result["new_status"]}
    if not result["old_status"]:
        return _("Now %(status)s.") % {"status": result["new_status"]}
    return _("Was %(old)s, now %(new)s.") % {"old": result["old_status"], "new": result["new_status"]}


@require_POST
@needs_role(roles.OPERATIONS)
@transaction.atomic
def change_one(request: HttpRequest, pk: int, change: str) -> HttpResponse:
    """Correct by hand what Track123 cannot know: delivered, stop, follow, courier."""
    slip = get_object_or_404(PackingSlip, pk=pk)
    if change not in CHANGES:
        raise Http404
    before = slip.tracking_status
    CHANGES[change](request, slip)
    slip.refresh_from_db()
    after = {"status": slip.tracking_status, "vendor": slip.tracking_vendor}
    audit.record(
        f"shipment.{change}", f"packing_slip:{pk}", request.user, before={"status": before}, after=after
    )
    return redirect(slip)


def deliver(request: HttpRequest, slip: PackingSlip) -> None:
    slips.mark_delivered(slip)
    messages.success(request, _("Marked as delivered."))


def stop(request: HttpRequest, slip: PackingSlip) -> None:
    slips.stop_following(slip)
    messages.success(request, _("No longer followed: Track123 is not asked about it any more."))


def follow(request: HttpRequest, slip: PackingSlip) -> None:
    slips.follow_again(slip)
    messages.success(request, _("Followed again from the next update on."))


def correct_courier(request: HttpRequest, slip: PackingSlip) -> None:
    form = CourierForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Courier: choose one from the list."))
        return
    if slips.correct_courier(slip, form.cleaned_data["courier"]):
        register_parcels.enqueue(packing_slip_id=slip.pk)
    messages.success(request, _("Courier corrected: its numbers are registered anew."))


CHANGES = {"delivered": deliver, "stop": stop, "follow": follow, "courier": correct_courier}

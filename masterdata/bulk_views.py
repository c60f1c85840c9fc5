"""Change many shipments at once: choose on the list, see the count and the consequence, confirm."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from ims.accounts import roles
from ims.lib import audit
from ims.web.access import needs_role
from masterdata import queries
from masterdata.carriers import COURIERS
from masterdata.forms import ShipmentFilter
from masterdata.models import PackingSlip
from masterdata.tasks import change_many, change_now, update_many

HERE_AND_NOW = 500  # slips that are changed within the request; more are a job
UPDATE = "update"
CHOICES = {
    UPDATE: (gettext_lazy("Update now"), gettext_lazy("Track123 is asked in the background.")),
    "stop": (
        gettext_lazy("Stop following"),
        gettext_lazy("They show 'No longer followed' and Track123 is not asked about them any more."),
    ),
    "delivered": (
        gettext_lazy("Mark as delivered"),
        gettext_lazy(
            "They are closed, and Track123 is not asked about them any more. This cannot be undone here."
        ),
    ),
    "courier": (
        gettext_lazy("Correct the courier"),
        gettext_lazy("Their numbers are registered with Track123 anew, for the courier you choose."),
    ),
}


class BulkForm(forms.Form):
    """What was chosen: a change, and either slips or all that match the list's filter."""

    change = forms.ChoiceField(choices=[(name, words[0]) for name, words in CHOICES.items()])
    slip = forms.CharField(required=False, widget=forms.MultipleHiddenInput)
    everything = forms.BooleanField(required=False)
    filter = forms.CharField(required=False, max_length=1000)
    courier = forms.ChoiceField(required=False, choices=[("", "—"), *COURIERS.items()])
    count = forms.IntegerField(required=False)

    def chosen(self) -> list[int]:
        """The ids of the slips, oldest first."""
        if self.cleaned_data["everything"]:
            wanted = ShipmentFilter(QueryDict(self.cleaned_data["filter"]), vendors=queries.vendors()).wanted
            found = queries.search_slips(PackingSlip.objects.all(), **wanted)
        else:
            given = ",".join(self.data.getlist("slip")).split(",")
            found = PackingSlip.objects.filter(pk__in={int(text) for text in given if is_id(text)})
        return sorted(found.order_by().values_list("pk", flat=True))


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


@require_POST
@needs_role(roles.OPERATIONS)
def ask(request: HttpRequest) -> HttpResponse:
    """Show how many shipments would be changed, and what that means."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to do with the shipments from the list."))
        return redirect(list_url(form.cleaned_data))
    return question(request, form.cleaned_data["change"], form.chosen(), form.cleaned_data)


def question(
    request: HttpRequest, change: str, slip_ids: Sequence[int], given: dict[str, Any] | None = None
) -> HttpResponse:
    """The confirmation page, for the list and for the admin's actions."""
    given = given or {}
    if not slip_ids:
        messages.error(request, _("No shipment was chosen: tick some, or all that match."))
        return redirect(list_url(given))
    title, consequence = CHOICES[change]
    everything = given.get("everything", False)
    context = {
        "change": change,
        "title": title,
        "consequence": consequence,
        "count": len(slip_ids),
        "slip": "" if everything else ",".join(map(str, slip_ids)),
        "everything": everything,
        "filter": given.get("filter", ""),
        "list_url": list_url(given),
        "couriers": COURIERS,
        "by_job": change != UPDATE and len(slip_ids) > HERE_AND_NOW,
    }
    return render(request, "masterdata/bulk.html", context)


@require_POST
@needs_role(roles.OPERATIONS)
def confirm(request: HttpRequest) -> HttpResponse:
    """Do what was shown; where others match meanwhile, ask again."""
    form = BulkForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to do with the shipments from the list."))
        return redirect(list_url(form.cleaned_data))
    given, slip_ids = form.cleaned_data, form.chosen()
    if len(slip_ids) != given["count"]:
        messages.info(request, _("The shipments that match have changed: look at their number again."))
        return question(request, given["change"], slip_ids, given)
    if given["change"] == "courier" and not given["courier"]:
        messages.error(request, _("Courier: choose one from the list."))
        return question(request, given["change"], slip_ids, given)
    messages.success(request, carry_out(request, given["change"], slip_ids, given["courier"]))
    return redirect(list_url(given))


def list_url(given: dict[str, Any]) -> str:
    """The shipments as they were filtered before."""
    return reverse("masterdata:shipments", query=QueryDict(given.get("filter", "")))


def carry_out(request: HttpRequest, change: str, slip_ids: list[int], courier: str) -> str:
    """Enqueue or do it, note it in the audit log, and say so."""
    n = len(slip_ids)
    with transaction.atomic():
        after = {"count": n, "slips": slip_ids[:1000]} | ({"courier": courier} if courier else {})
        audit.record(f"shipments.bulk_{change}", f"packing_slips:{n}", request.user, after=after)
        if change == UPDATE:
            lots = [slip_ids[start : start + 100] for start in range(0, n, 100)]
            update_many.enqueue_many([{"slip_ids": lot} for lot in lots])
            return ngettext(
                "Queued an update of %(n)s shipment.", "Queued an update of %(n)s shipments.", n
            ) % {"n": n}
        if n > HERE_AND_NOW:
            change_many.enqueue(change=change, slip_ids=slip_ids, courier=courier)
            return _("Queued for %(n)s shipments: a job changes them in the background.") % {"n": n}
    done = change_now(change, slip_ids, courier)
    return ngettext("%(n)s shipment changed.", "%(n)s shipments changed.", done) % {"n": done}

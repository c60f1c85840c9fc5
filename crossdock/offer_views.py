"""The pages on which suppliers' price lists come in."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from crossdock import offers, rules
from crossdock.forms import OfferImportForm
from crossdock.models import OfferImport, PriceView, Supplier
from crossdock.tasks import import_offers
from ims.accounts.models import User
from ims.lib import audit
from ims.lib.sheets import SheetError
from ims.web.access import needs_role
from scheduling import job


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(*rules.SUPPLY)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a price list and queue its import."""
    form = OfferImportForm(
        request.POST or None, request.FILES or None, initial={"supplier": request.GET.get("supplier")}
    )
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            return redirect(begin(file.file, file.name, form.cleaned_data["supplier"], request.user))
        except SheetError as error:
            form.add_error("file", str(error))
    recent = OfferImport.objects.select_related("supplier", "user")[:10]
    context = {
        "form": form,
        "recent": recent,
        "suppliers": Supplier.objects.count(),
        "view": PriceView.objects.first(),
    }
    return render(request, "crossdock/offers.html", context, status=400 if form.errors else 200)


def begin(content: Any, name: str, supplier: Supplier | None, user: User) -> OfferImport:
    with transaction.atomic():
        kept = offers.receive(content, name, supplier, user)
        audit.record("cross_dock.import_offers", f"offer_import:{kept.pk}", user, after={"file": name})
        kept.job_id = import_offers.enqueue(import_id=kept.pk).id
        kept.save(update_fields=["job_id", "updated_at"])
    return kept


@require_safe
@needs_role(*rules.SUPPLY)
def offer_import(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an import is, and what was wrong in the list."""
    chosen = get_object_or_404(OfferImport.objects.select_related("supplier"), pk=pk)
    whole = "crossdock/parts/import_state.html" if request.htmx else "crossdock/offer_import.html"
    return render(request, whole, {"import": chosen, **state_of(chosen)})


def state_of(chosen: OfferImport) -> dict[str, Any]:
    """state: running, failed or done."""
    if chosen.finished_at:
        return {"state": "done"}
    handle = job(chosen.job_id)
    if chosen.error or handle.state in ("failed", "cancelled", "unknown"):
        lines = (handle.error or "").strip().splitlines()
        return {"state": "failed", "error": chosen.error or (lines[-1] if lines else "")}
    return {"state": "running", "percent": chosen.report.get("percent") if chosen.report else None}

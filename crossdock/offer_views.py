"""The pages on which suppliers' price lists come in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from crossdock import offer_actions, rules
from crossdock.forms import OfferImportForm
from crossdock.models import OfferImport, PriceView, Supplier
from ims.lib.sheets import SheetError
from ims.web.access import needs_role


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
            return redirect(
                offer_actions.begin(file.file, file.name, form.cleaned_data["supplier"], request.user)
            )
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


@require_safe
@needs_role(*rules.SUPPLY)
def offer_import(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an import is, and what was wrong in the list."""
    chosen = get_object_or_404(OfferImport.objects.select_related("supplier"), pk=pk)
    whole = "crossdock/parts/import_state.html" if request.htmx else "crossdock/offer_import.html"
    return render(request, whole, {"import": chosen, **offer_actions.state_of(chosen)})

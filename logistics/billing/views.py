"""The pages of invoices: the list, one invoice, its paper."""

from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from ims.accounts.models import User
from ims.web import spreadsheets
from logistics import invoice_actions
from logistics.billing import access, mails, payers, queries
from logistics.billing.forms import InvoiceFilter, PaymentForm, ReasonForm, ReissueForm, TripForm
from logistics.billing.models import Invoice, InvoiceStatus
from logistics.trips import access as trip_access

ROWS = 50  # on a page


@require_safe
def show_list(request: HttpRequest) -> HttpResponse:
    """The invoices one may read, overdue first; as a fragment, the rows alone."""
    at, chosen = now(), InvoiceFilter(request.GET)
    found, user = filtered(request, chosen, at), cast(User, request.user)
    page = Paginator(queries.whole(queries.urgent_first(found)), ROWS).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page_obj": page,
        "rows": [(each, newest_fate(each, at)) for each in page],
        "totals": queries.totals(found),
        "filter": chosen,
        "filtered": bool(chosen.wanted),
        **rights(user),
    }
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "logistics/parts/invoices.html", context)
    if context["sees_all"]:
        context |= {"figures": queries.figures(at), "trip_form": TripForm()}
    return render(request, "logistics/invoices.html", context)


def filtered(request: HttpRequest, chosen: InvoiceFilter, at: datetime) -> Any:
    user = cast(User, request.user)
    if not access.may_open(user):
        raise PermissionDenied("This page is for accountants, dispatchers and those who pay.")
    return queries.search(access.visible(user), at, **chosen.wanted)


def rights(user: User) -> dict[str, bool]:
    return {"may_act": access.may_act(user), "sees_all": access.sees_all(user)}


def newest_fate(invoice: Invoice, at: datetime) -> mails.Fate:
    """What became of the newest mail; there is none until the first job has looked."""
    sent = list(invoice.mails.all())
    return mails.fate_of(sent[-1], at) if sent else mails.Fate(mails.Outcome.WAITING)


@spreadsheets.download
@require_safe
def export(request: HttpRequest) -> FileResponse:
    """What the list shows, as a workbook."""
    found = queries.urgent_first(filtered(request, InvoiceFilter(request.GET), now()))
    return spreadsheets.xlsx("invoices.xlsx", queries.HEADINGS, queries.sheet(found), title="Invoices")


@require_safe
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One invoice: its lines, trip, payments, mails, and what can be done."""
    invoice, at, user = own(request, pk), now(), cast(User, request.user)
    can = rights(user)
    context: dict[str, Any] = {
        "invoice": invoice,
        "trip": invoice.trip,
        "payments": list(invoice.payments.all()),
        "mails": [(each, mails.fate_of(each, at)) for each in invoice.mails.all()] if can["sees_all"] else [],
        "history": invoice_actions.history(invoice) if can["sees_all"] else [],
        "is_void": invoice.status == InvoiceStatus.VOID,
        "tax_name": settings.INVOICE_TAX_NAME,
        "replaced_by": getattr(invoice, "replaced_by", None),
        "sees_trip": trip_access.visible(user).filter(pk=invoice.trip_id).exists(),
        "sees_places": can["sees_all"] or invoice.patient_id or invoice.trip.stock_request_id,
        **can,
    }
    if can["may_act"]:
        context |= forms_of(invoice)
    return render(request, "logistics/invoice.html", context)


def forms_of(invoice: Invoice) -> dict[str, Any]:
    return {
        "address": payers.email_of(invoice),
        "payment_form": PaymentForm.of(invoice),
        "correct_forms": [(each, PaymentForm.of(invoice, each)) for each in invoice.payments.all()],
        "void_form": ReasonForm(auto_id="void_%s"),
        "reissue_form": ReissueForm(auto_id="reissue_%s"),
    }


def own(request: HttpRequest, pk: int) -> Invoice:
    """An invoice that this person may read; another's does not exist."""
    return get_object_or_404(queries.whole(access.visible(cast(User, request.user))), pk=pk)


@require_safe
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    return paper_of(own(request, pk))


def paper_of(invoice: Invoice) -> HttpResponse:
    """The PDF, as it goes out by mail."""
    from logistics.billing import pdf  # loads reportlab, which nothing else needs

    response = HttpResponse(pdf.render(invoice), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{invoice.invoice_number}.pdf"'
    return response

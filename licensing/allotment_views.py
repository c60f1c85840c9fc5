"""The pages of allotments and bills of entry: reserve, book, release."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ims.accounts import roles
from ims.submissions.once import once
from ims.web.access import needs_role
from ims.web.filters import Filter
from licensing import allotting, queries
from licensing.balances import day_in_india
from licensing.forms import (
    AllotmentFilter,
    AllotmentForm,
    AttachmentForm,
    BillFilter,
    BillForm,
    BookingForm,
    LineForm,
)
from licensing.lines import Line, Refused
from licensing.models import Allotment, BillOfEntry, ImportItem
from licensing.rules import LOOK
from licensing.views import ROWS, may_act

MOST_LINES = 100


@require_safe
@needs_role(*LOOK)
def allotments(request: HttpRequest) -> HttpResponse:
    """All allotments, newest first; ?open=1: those whose goods have not come in."""
    chosen = AllotmentFilter(request.GET)
    found = queries.search_allotments(chosen.wanted.get("q", ""), only_open="open" in chosen.wanted)
    found = found.prefetch_related("items__item__license", "bills_of_entry")
    return listed(request, found, chosen, "licensing/allotments.html", "licensing/parts/allotments.html")


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(roles.LICENCE_MANAGER)
@once
def new_allotment(request: HttpRequest) -> HttpResponse:
    """Reserve of chosen items: ?item=ID, with qty-ID and cif-ID as proposals."""

    def reserve(facts: dict[str, Any], lines: list[Line], items: list[ImportItem]) -> Allotment:
        hs_code = items[0].hs_code if items else ""
        return allotting.allot(lines, request.user, day_in_india(now()), hs_code=hs_code, **facts)

    return new(request, AllotmentForm, reserve, "licensing/allotment_new.html", _("Reserved."))


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(roles.LICENCE_MANAGER)
@once
def new_boe(request: HttpRequest) -> HttpResponse:
    """Book what customs debited of chosen items, which nothing was reserved for."""

    def debit(facts: dict[str, Any], lines: list[Line], items: list[ImportItem]) -> BillOfEntry:
        return allotting.book(lines, [], request.user, day_in_india(now()), **facts)

    return new(request, BillForm, debit, "licensing/boe_new.html", _("Booked."))


def new(
    request: HttpRequest,
    form_class: type[AllotmentForm | BillForm],
    do: Callable[[dict[str, Any], list[Line], list[ImportItem]], Any],
    template: str,
    done: str,
) -> HttpResponse:
    """A form for the whole and one for each chosen item; what exceeds is told at its line."""
    items = chosen_items(request)
    data = request.POST if request.method == "POST" else None
    form = form_class(data)
    lines = [LineForm(data, item=item, initial=proposal(request, item)) for item in items]
    if data is not None and all([form.is_valid(), *(line.is_valid() for line in lines)]):
        wanted = [Line(each.item.pk, each.cleaned_data["qty"], each.cleaned_data["cif_fc"]) for each in lines]
        facts = {name: value for name, value in form.cleaned_data.items() if value}
        try:
            made = do(facts, wanted, items)
        except Refused as error:
            show(error, form, lines)
        else:
            messages.success(request, done)
            return redirect(made)
    bad = form.errors or any(line.errors for line in lines)
    return render(request, template, {"form": form, "lines": lines}, status=400 if bad else 200)


def chosen_items(request: HttpRequest) -> list[ImportItem]:
    ids = [text for text in request.GET.getlist("item") if text.isdecimal() and len(text) < 19]
    wanted = dict.fromkeys(int(text) for text in ids[:MOST_LINES])
    found = ImportItem.objects.select_related("license").in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


def proposal(request: HttpRequest, item: ImportItem) -> dict[str, str]:
    return {
        "qty": request.GET.get(f"qty-{item.pk}", ""),
        "cif_fc": request.GET.get(f"cif-{item.pk}", ""),
    }


def show(error: Refused, form: AllotmentForm | BillForm, lines: list[LineForm]) -> None:
    """A refusal at the field where it can be corrected."""
    where, place, field = [*error.field.split("."), "", ""][:3]
    if where in ("items", "rows") and place.isdecimal() and int(place) < len(lines):
        line = lines[int(place)]
        line.add_error(field if field in line.fields else None, str(error))
    else:
        form.add_error(None, str(error))


@require_safe
@needs_role(*LOOK)
def allotment(request: HttpRequest, pk: int) -> HttpResponse:
    return allotment_page(request, pk, BookingForm())


def allotment_page(request: HttpRequest, pk: int, form: BookingForm, status: int = 200) -> HttpResponse:
    known = Allotment.objects.prefetch_related("items__item__license", "bills_of_entry")
    chosen = get_object_or_404(known, pk=pk)
    context = {"allotment": chosen, "form": form, "may_act": may_act(request)}
    return render(request, "licensing/allotment.html", context, status=status)


@require_POST
@needs_role(roles.LICENCE_MANAGER)
@once
def book(request: HttpRequest, pk: int) -> HttpResponse:
    """The goods came in: customs debited what was reserved."""
    chosen = get_object_or_404(Allotment, pk=pk)
    form = BookingForm(request.POST)
    if form.is_valid():
        facts: dict[str, Any] = {**form.cleaned_data, "company": chosen.company}
        try:
            boe = allotting.book(None, [pk], request.user, day_in_india(now()), **facts)
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Booked: what was reserved is debited now."))
            return redirect(boe)
    return allotment_page(request, pk, form, status=400)


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a reservation back to its licences."""
    try:
        allotting.release(get_object_or_404(Allotment, pk=pk), request.user)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("licensing:allotment", pk)
    messages.success(request, _("Released: its credit is free again."))
    return redirect("licensing:allotments")


@require_safe
@needs_role(*LOOK)
def boes(request: HttpRequest) -> HttpResponse:
    """All bills of entry, newest first."""
    chosen = BillFilter(request.GET)
    found = queries.search_boes(**chosen.wanted).prefetch_related("rows__item__license")
    return listed(request, found, chosen, "licensing/boes.html", "licensing/parts/bills.html")


def listed(request: HttpRequest, found: QuerySet[Any], chosen: Filter, page: str, rows: str) -> HttpResponse:
    """A page of a list; as a fragment, the rows alone."""
    shown = Paginator(found, ROWS).get_page(request.GET.get("page"))
    name = rows if request.htmx else page  # type: ignore[attr-defined]
    return render(request, name, {"page_obj": shown, "filter": chosen})


@require_safe
@needs_role(*LOOK)
def boe(request: HttpRequest, pk: int) -> HttpResponse:
    known = BillOfEntry.objects.prefetch_related("rows__item__license", "allotments", "attachments__user")
    context = {
        "boe": get_object_or_404(known, pk=pk),
        "attachment_form": AttachmentForm(),
        "may_act": may_act(request),
        "may_edit": request.user.is_staff and request.user.has_perm("licensing.change_billofentry"),
    }
    return render(request, "licensing/boe.html", context)

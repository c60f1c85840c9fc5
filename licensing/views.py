"""The pages of licences: the list, one licence, the search for cover, doubtful data."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from ims.accounts import roles
from ims.web.access import needs_role
from licensing import history, quality, queries, runs
from licensing.balances import day_in_india
from licensing.cover import covers
from licensing.forms import AttachmentForm, CoverForm, LicenceFilter
from licensing.models import License
from licensing.rules import LOOK
from licensing.statement import balance_over_time, statement

ROWS = 50  # on a page
CHANGES = 50  # the newest
ENTRIES = 200  # of the ledger; the PDF has all


@require_safe
@needs_role(*LOOK)
def licenses(request: HttpRequest) -> HttpResponse:
    """All licences with their balances; as a fragment, the rows alone."""
    today = day_in_india(now())
    chosen = LicenceFilter(request.GET)
    found = queries.search(License.objects.all(), today, **chosen.wanted)
    context = {
        "page_obj": Paginator(found, ROWS).get_page(request.GET.get("page")),
        "totals": queries.totals(found),
        "filter": chosen,
        "filtered": bool(chosen.wanted),
        "today": today,
        "may_act": may_act(request),
    }
    if request.htmx:
        return render(request, "licensing/parts/rows.html", context)
    context |= {"figures": queries.figures(today), "latest": runs.latest()}
    return render(request, "licensing/licenses.html", context)


def may_act(request: HttpRequest) -> bool:
    return request.user.has_role(roles.LICENCE_MANAGER)


@require_safe
@needs_role(*LOOK)
def license_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One licence: facts, items, ledger, chart, history, papers."""
    licence = get_object_or_404(License.objects.prefetch_related("import_items", "export_items"), pk=pk)
    lines, today = statement(licence), day_in_india(now())
    context: dict[str, Any] = {
        "license": licence,
        "today": today,
        "lines": lines[-ENTRIES:],
        "hidden": max(0, len(lines) - ENTRIES),
        "credit": sum((line.amount for line in lines if line.kind == "credit"), 0),
        "series": balance_over_time(lines, today),
        "history": history.told(licence.changes.select_related("user")[:CHANGES]),
        "attachments": licence.attachments.select_related("user"),
        "attachment_form": AttachmentForm(),
        "may_act": may_act(request),
        "may_edit": request.user.is_staff and request.user.has_perm("licensing.change_license"),
    }
    return render(request, "licensing/license.html", context)


@require_safe
@needs_role(*LOOK)
def ledger_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    from licensing import statement_pdf  # loads reportlab, which nothing else needs

    licence = get_object_or_404(License, pk=pk)
    response = HttpResponse(statement_pdf.pdf(licence, statement(licence)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="ledger-{licence.pk}.pdf"'
    return response


@require_safe
@needs_role(*LOOK)
def cover_page(request: HttpRequest) -> HttpResponse:
    """Which licences cover this quantity of this HS code?"""
    form = CoverForm(request.GET or None)
    context: dict[str, Any] = {"form": form, "may_act": may_act(request)}
    if form.is_valid():
        context["asked"] = form.cleaned_data
        context["answers"] = covers(**form.cleaned_data, today=day_in_india(now()))
    return render(request, "licensing/cover.html", context)


@require_safe
@needs_role(*LOOK)
def quality_page(request: HttpRequest) -> HttpResponse:
    """What is doubtful, with its cure."""
    return render(request, "licensing/quality.html", {"findings": quality.findings(day_in_india(now()))})

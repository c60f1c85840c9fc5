"""Packing slips as spreadsheets: the import in two steps, its template, and the export of the list."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ims.accounts import roles
from ims.imports import uploads
from ims.lib.sheets import SheetError
from ims.web.access import needs_role
from ims.web.spreadsheets import csv, download, xlsx
from masterdata import imports, queries
from masterdata.forms import ShipmentFilter
from masterdata.models import PackingSlip, SlipImport
from masterdata.slip_sheets import SlipRows
from masterdata.tasks import import_packing_slips, write_import


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Spreadsheet"), help_text=gettext_lazy(".xlsx or .csv, up to 10 MB")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(roles.OPERATIONS)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a spreadsheet and show what it would do."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            return redirect(imports.receive(file.file, file.name, request.user))
        except SheetError as error:
            form.add_error("file", str(error))
    context = {"form": form, "columns": SlipRows.columns.values(), "recent": own_imports(request)[:5]}
    return render(request, "masterdata/import_upload.html", context, status=400 if form.errors else 200)


def own_imports(request: HttpRequest) -> Any:
    return SlipImport.objects.filter(user=request.user)


@require_safe
@needs_role(roles.OPERATIONS)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a spreadsheet would do, does or did."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    template = "masterdata/parts/import_state.html" if request.htmx else "masterdata/import.html"
    return render(request, template, {"import": chosen, **uploads.state_of(chosen)})


@require_POST
@needs_role(roles.OPERATIONS)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what was shown; a large file by a job."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    begun = uploads.begin(
        chosen,
        request.user,
        "shipments.import",
        enqueue=import_packing_slips.enqueue,
        write=write_import,
    )
    if not begun:
        messages.info(request, _("This import was begun already."))
    return redirect(chosen)


@require_safe
@needs_role(roles.OPERATIONS)
def template(request: HttpRequest, kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    return sheet(f"shipments-template.{kind}", SlipRows.columns_to_fill(), [SlipRows.example])


@download
@require_safe
@needs_role(*roles.STAFF)
def export(request: HttpRequest, kind: str) -> FileResponse:
    """The list as it is filtered."""
    chosen = ShipmentFilter(request.GET, vendors=queries.vendors())
    found = queries.search_slips(PackingSlip.objects.select_related("product"), **chosen.wanted)
    rows = SlipRows.export(found.iterator(chunk_size=2000))
    return sheet(f"shipments.{kind}", SlipRows.headings(), rows)


def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A file to download, of the kind that its name tells."""
    if name.endswith(".xlsx"):
        return xlsx(name, headings, rows, title="Shipments")
    if not name.endswith(".csv"):
        raise Http404
    return csv(name, headings, rows)

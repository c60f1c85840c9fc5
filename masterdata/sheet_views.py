"""Packing slips as spreadsheets: the import in two steps, its template, and the export of the list."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ims.accounts import roles
from ims.lib import audit
from ims.lib.sheets import SheetError
from ims.web.access import needs_role
from ims.web.spreadsheets import HERE_AND_NOW, csv, download, state_of, xlsx
from masterdata import imports, queries, slip_sheets
from masterdata.forms import ShipmentFilter
from masterdata.models import PackingSlip, SlipImport
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
    context = {"form": form, "columns": slip_sheets.COLUMNS.values(), "recent": own_imports(request)[:5]}
    return render(request, "masterdata/import_upload.html", context, status=400 if form.errors else 200)


def own_imports(request: HttpRequest) -> Any:
    return SlipImport.objects.filter(user=request.user)


@require_safe
@needs_role(roles.OPERATIONS)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a spreadsheet would do, does or did."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    template = "masterdata/parts/import_state.html" if request.htmx else "masterdata/import.html"
    return render(request, template, {"import": chosen, **state_of(chosen)})


@require_POST
@needs_role(roles.OPERATIONS)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what was shown; a large file by a job."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    rows = chosen.report["total"]
    with transaction.atomic():
        if not imports.claim(chosen):
            messages.info(request, _("This import was begun already."))
            return redirect(chosen)
        audit.record(
            "shipments.import", f"import:{pk}", request.user, after={"file": chosen.name, "rows": rows}
        )
        queued = import_packing_slips.enqueue(import_id=pk, rows=rows) if rows > HERE_AND_NOW else None
        SlipImport.objects.filter(pk=pk).update(job_id=queued.id if queued else "")
    if not queued:
        write_import(pk)
    return redirect(chosen)


@require_safe
@needs_role(roles.OPERATIONS)
def template(request: HttpRequest, kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    return sheet(f"shipments-template.{kind}", slip_sheets.headings(), [slip_sheets.EXAMPLE])


@download
@require_safe
@needs_role(*roles.STAFF)
def export(request: HttpRequest, kind: str) -> FileResponse:
    """The list as it is filtered."""
    chosen = ShipmentFilter(request.GET, vendors=queries.vendors())
    found = queries.search_slips(PackingSlip.objects.select_related("product"), **chosen.wanted)
    rows = slip_sheets.export_rows(found.iterator(chunk_size=2000))
    return sheet(f"shipments.{kind}", slip_sheets.export_headings(), rows)


def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A file to download, of the kind that its name tells."""
    if name.endswith(".xlsx"):
        return xlsx(name, headings, rows, title="Shipments")
    if not name.endswith(".csv"):
        raise Http404
    return csv(name, headings, rows)

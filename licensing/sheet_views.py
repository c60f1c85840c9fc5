"""Spreadsheets: the import in two steps, its templates, and the exports."""

from collections.abc import Iterable, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ims.accounts import roles
from ims.lib import audit
from ims.lib.sheets import SheetError, write_xlsx
from ims.web.access import needs_role
from licensing import importing, queries, runs
from licensing.balances import day_in_india
from licensing.forms import LicenceFilter
from licensing.models import Allotment, BillOfEntry, License, SheetImport
from licensing.sheets import KINDS
from licensing.tasks import import_sheet
from licensing.views import LOOK
from scheduling import job

HERE_AND_NOW = 500  # rows that are written within the request; more are a job
IN_MEMORY = 5_000_000  # bytes of a workbook; larger ones lie on the disk
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("What it holds"), choices=[(name, kind.title) for name, kind in KINDS.items()]
    )
    file = forms.FileField(
        label=gettext_lazy("Spreadsheet"),
        help_text=gettext_lazy(".xlsx or .csv, up to 10 MB and 20,000 rows"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(roles.LICENCE_MANAGER)
def upload(request: HttpRequest) -> HttpResponse:
    """Take a spreadsheet and show what it would do."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            return redirect(importing.receive(file.file, file.name, form.cleaned_data["kind"], request.user))
        except SheetError as error:
            form.add_error("file", str(error))
    context = {"form": form, "kinds": KINDS.values(), "recent": own_imports(request)[:5]}
    return render(request, "licensing/import_upload.html", context, status=400 if form.errors else 200)


def own_imports(request: HttpRequest) -> Any:
    return SheetImport.objects.filter(user=request.user)


@require_safe
@needs_role(roles.LICENCE_MANAGER)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What a spreadsheet would do, does or did."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    template = "licensing/parts/import_state.html" if request.htmx else "licensing/import.html"
    return render(request, template, {"import": chosen, **state_of(chosen)})


def state_of(chosen: SheetImport) -> dict[str, Any]:
    """stage: preview, running, failed or done; with the job's progress while it runs."""
    good = chosen.report["total"] - chosen.report["bad"]
    if chosen.finished_at or not chosen.confirmed_at:
        return {"stage": "done" if chosen.finished_at else "preview", "good": good}
    handle = job(chosen.job_id)
    if handle.state in runs.LOST:
        return {"stage": "failed", "error": runs.last_line(handle.error)}
    progress = handle.progress
    percent = 100 * progress.done // progress.total if progress and progress.total else None
    return {"stage": "running", "percent": percent, "progress": progress}


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what was shown; a large file by a job."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    rows = chosen.report["total"]
    with transaction.atomic():
        if not importing.claim(chosen):
            messages.info(request, _("This import was begun already."))
            return redirect(chosen)
        facts = {"kind": chosen.kind, "file": chosen.name, "rows": rows}
        audit.record("licences.import", f"import:{pk}", request.user, after=facts)
        queued = import_sheet.enqueue(import_id=pk, rows=rows) if rows > HERE_AND_NOW else None
        SheetImport.objects.filter(pk=pk).update(job_id=queued.id if queued else "")
    if not queued:
        importing.write(pk)
    return redirect(chosen)


@require_safe
@needs_role(roles.LICENCE_MANAGER)
def template(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty sheet with the headings and one example."""
    rows = known(kind)
    headings = [column.headings[0] for column in rows.columns.values()]
    return sheet(f"{kind}-template.xlsx", headings, [rows.example])


@require_safe
@needs_role(*LOOK)
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """All of a kind; licences as they are filtered. The same columns as the import takes."""
    rows = known(kind)
    found = {"licences": License.objects.all(), "boes": BillOfEntry.objects.all()}.get(
        kind, Allotment.objects.all()
    )
    if kind == "licences":
        found = queries.search(found, day_in_india(now()), **LicenceFilter(request.GET).wanted)
    return sheet(f"{kind}.xlsx", rows.headings(), rows.export(found))


def known(kind: str) -> Any:
    if kind not in KINDS:
        raise Http404
    return KINDS[kind]


def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A workbook to download; text in it is never a formula."""
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the response closes it
    write_xlsx(file, headings, rows, title=name.removesuffix(".xlsx").capitalize())
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=name, content_type=XLSX)

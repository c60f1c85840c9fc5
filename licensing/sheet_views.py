"""The pages of spreadsheets: the import in two steps, its templates, and the exports."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ims.accounts import roles
from ims.imports.uploads import state_of
from ims.lib.sheets import SheetError
from ims.web.access import needs_role
from ims.web.filters import Filter
from ims.web.spreadsheets import download
from licensing import importing, sheet_actions
from licensing.forms import AllotmentFilter, BillFilter, LicenceFilter
from licensing.models import SheetImport
from licensing.rules import LOOK
from licensing.sheets import KINDS

FILTERS: dict[str, type[Filter]] = {
    "licences": LicenceFilter,
    "boes": BillFilter,
    "allotments": AllotmentFilter,
}


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


@require_POST
@needs_role(roles.LICENCE_MANAGER)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Write what was shown; a large file by a job."""
    chosen = get_object_or_404(own_imports(request), pk=pk)
    if not sheet_actions.begin(chosen, request.user):
        messages.info(request, _("This import was begun already."))
    return redirect(chosen)


@require_safe
@needs_role(roles.LICENCE_MANAGER)
def template(request: HttpRequest, kind: str) -> FileResponse:
    """An empty sheet with the headings and one example."""
    return sheet_actions.template(known(kind))


@download
@require_safe
@needs_role(*LOOK)
def export(request: HttpRequest, kind: str) -> FileResponse:
    """The list of a kind as it is filtered."""
    return sheet_actions.export(known(kind), FILTERS[kind](request.GET).wanted)


def known(kind: str) -> str:
    if kind not in KINDS:
        raise Http404
    return kind

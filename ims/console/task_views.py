"""The declared tasks; enqueue one by a form made from its signature."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ims.console.access import may_act
from ims.lib.local_time import zone
from ims.web.access import needs_role
from ims.web.fields import LocalDateTimeField
from scheduling import launch, roles
from scheduling.declaration import DeclaredTask
from scheduling.exceptions import Undeclared
from scheduling.launch import CHOICE, KINDS, BadArguments, Field

LONG = (KINDS[list], KINDS[dict], launch.ANY)


@require_safe
@needs_role(*roles.LOOK)
def tasks(request: HttpRequest) -> HttpResponse:
    """Every task that may be enqueued by hand."""
    context = {"tasks": [launch.describe(each) for each in launch.offered()], "may_act": may_act(request)}
    return render(request, "console/tasks.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(*roles.OPERATE)
def task(request: HttpRequest, task: str) -> HttpResponse:
    """The form, with what was wrong in it; or the job that it queued."""
    declared = find(task)
    fields = launch.fields(declared)
    form = form_of(fields, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            arguments = launch.read(declared, {field.name: form.cleaned_data[field.name] for field in fields})
            at: datetime | None = form.cleaned_data[AT]
            job = launch.launch(declared, arguments, at=at, user=request.user)
        except BadArguments as error:
            for name, words in error.errors.items():
                form.add_error(name if name in form.fields else None, words.capitalize())
        else:
            messages.success(request, _("Queued: this is its job."))
            return redirect("console:job", job.id)
    context = {"task": launch.describe(declared), "form": form}
    return render(request, "console/task.html", context, status=400 if form.errors else 200)


AT = "start at"  # no name of an argument holds a space


def form_of(fields: list[Field], data: Any) -> forms.Form:
    made: dict[str, forms.Field] = {field.name: form_field(field) for field in fields}
    made[AT] = LocalDateTimeField(
        required=False,
        label=_("Start at"),
        help_text=_("Clocks of %(zone)s. Empty: as soon as a worker is free.") % {"zone": zone().key},
    )
    form = forms.Form(data)
    form.fields = made
    return form


def form_field(field: Field) -> forms.Field:
    """Texts go as they are to launch.read, which tells what is wrong with them."""
    help_text = field.kind + (f"; {field.default_text} if left empty" if field.default_text else "")
    is_required = field.is_required and not field.may_be_none
    shared: dict[str, Any] = {"label": field.name, "required": is_required, "help_text": help_text}
    if field.kind == CHOICE:
        empty = [] if field.is_required else [("", "—")]
        return forms.ChoiceField(choices=[*empty, *((each, each) for each in field.choices)], **shared)
    if field.kind == KINDS[bool]:
        empty = [] if field.is_required else [("", "—")]
        return forms.ChoiceField(choices=[*empty, ("true", _("yes")), ("false", _("no"))], **shared)
    widget: forms.Widget = forms.Textarea({"rows": 3}) if field.kind in LONG else forms.TextInput()
    if field.is_sensitive:
        widget = forms.PasswordInput({"autocomplete": "off"})  # never written back into the page
    return forms.CharField(widget=widget, strip=False, **shared)


def find(name: str) -> DeclaredTask[Any, Any]:
    try:
        return launch.find(name)
    except Undeclared as error:
        raise Http404(str(error)) from error

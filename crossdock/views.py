"""The pages of price requests: upload with its preview, the live list, and one request with its comments."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crossdock import actions, files, queries, request_sheets, result_sheets, rules, services
from crossdock.forms import CommentForm, RequestFilter, RequestForm
from crossdock.models import CrossDockTask, Stage, Status, TaskComment
from ims.lib.sheets import SheetError
from ims.submissions.once import Refused, once
from ims.web import live
from ims.web.access import needs_role
from ims.web.form_errors import complaint
from ims.web.spreadsheets import XLSX, xlsx

ROWS = 10  # on a page


# --- Upload ---------------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(*rules.ASK)
@once
def process_file(request: HttpRequest) -> HttpResponse:
    """Take a price request and queue it."""
    form = RequestForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            actions.ask(file.file, file.name, form.cleaned_data["supplier_group"], request.user)
        except SheetError as error:
            form.add_error("file", str(error))
        else:
            messages.success(request, _("“%(file)s” is in the queue.") % {"file": file.name})
            return redirect("cross_dock:task_list")
    groups = queries.groups()
    chosen = form["supplier_group"].value() or (groups[0] if groups else "")
    context = {"form": form, "groups": groups, **about_group(chosen)}
    return render(request, "crossdock/upload.html", context, status=400 if form.errors else 200)


@require_POST
@needs_role(*rules.ASK)
def preview(request: HttpRequest) -> HttpResponse:
    """What an upload would be read as, before it is asked: columns, first rows, the group's offers."""
    group = request.POST.get("supplier_group", "")
    context: dict[str, Any] = about_group(group if group in queries.groups() else "")
    if file := request.FILES.get("file"):
        try:
            context["preview"] = request_sheets.preview(file.file, file.name)
        except SheetError as error:
            context["error"] = str(error)
    return render(request, "crossdock/parts/preview.html", context)


def about_group(group: str) -> dict[str, Any]:
    return {"group": group, "freshness": queries.freshness(group) if group else None}


@require_safe
@needs_role(*rules.ASK)
def template(request: HttpRequest) -> FileResponse:
    """An empty request with the headings and two examples."""
    headings, rows = result_sheets.REQUEST_HEADINGS, result_sheets.EXAMPLE
    return xlsx("cross-dock-template.xlsx", headings, rows, title="Запрос цен")


# --- List and one request ---------------------------------------------------------------------------------
@require_safe
@needs_role(*rules.LOOK)
def task_list(request: HttpRequest) -> HttpResponse:
    """All price requests, newest first; as a fragment, the rows alone, and nothing while none has changed."""
    chosen = RequestFilter(request.GET)
    found = queries.search(**chosen.wanted, user=request.user)
    page = Paginator(found, ROWS).get_page(request.GET.get("page"))
    shown = [about(task, request) for task in page]
    context = {
        "page_obj": page,
        "shown": shown,
        "filter": chosen,
        "filtered": bool(chosen.wanted),
        "may_ask": rules.may_ask(request.user),
        "may_supply": rules.may_supply(request.user),
        "seen": live.version((page.paginator.count, [facts_of(each) for each in shown])),
    }
    return live.answer(request, "crossdock/tasks.html", "crossdock/parts/rows.html", context)


@require_safe
@needs_role(*rules.LOOK)
def task_detail(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """One price request; as a fragment, its state alone, and nothing while it has not changed."""
    known = CrossDockTask.objects.select_related("user", "cancelled_by")
    task = get_object_or_404(known, pk=task_id)
    shown = about(task, request)
    context = {
        **shown,
        "stages": stages(task),
        "comments": task.comments.select_related("user"),
        "form": CommentForm(auto_id="new_%s"),
        "may_ask": rules.may_ask(request.user),
        "seen": live.version(facts_of(shown)),
    }
    return live.answer(request, "crossdock/task.html", "crossdock/parts/state.html", context)


def about(task: CrossDockTask, request: HttpRequest) -> dict[str, Any]:
    """What a page shows of a request."""
    at = now()
    is_kept = bool(task.input_file)
    return {
        "task": task,
        "seconds_taken": queries.seconds_taken(task, at),
        "seconds_left": queries.seconds_left(task, at),
        "place": queries.place_in_queue(task) if task.status == Status.PENDING else None,
        "may_control": rules.may_control(request.user, task),
        "may_retry": task.status in (Status.FAILED, Status.CANCELLED) and is_kept,
        "may_repeat": task.status == Status.SUCCESS and bool(task.output_url) and rules.may_ask(request.user),
    }


def facts_of(shown: dict[str, Any]) -> tuple[object, ...]:
    """What a page shows of a request, but for ticking times."""
    return shown["task"].pk, shown["task"].updated_at, shown["place"]


def stages(task: CrossDockTask) -> list[dict[str, Any]]:
    """The stages with how long each took; a stage is done, running or still to come."""
    return [
        {
            "label": stage.label,
            "seconds": task.timings.get(stage.value),
            "is_running": task.status == Status.RUNNING and task.stage == stage.value,
        }
        for stage in Stage
    ]


# --- Acts ---------------------------------------------------------------------------------------------------
@require_POST
@needs_role(*rules.LOOK)
@once
def act(request: HttpRequest, task_id: UUID, action: str) -> HttpResponse:
    """Cancel, retry, repeat or delete a request; who may not finds nothing there."""
    task = get_object_or_404(CrossDockTask, pk=task_id)
    allowed = rules.may_ask(request.user) if action == "repeat" else rules.may_control(request.user, task)
    if action not in ACTS or not allowed:
        raise Http404
    try:
        return ACTS[action](request, task)
    except services.NotNow as error:
        messages.error(request, str(error))
        return Refused(task.get_absolute_url())


def cancel(request: HttpRequest, task: CrossDockTask) -> HttpResponse:
    actions.cancel(task, request.user)
    messages.success(request, _("“%(file)s” is cancelled.") % {"file": task.filename})
    return redirect(back_of(request, task))


def retry(request: HttpRequest, task: CrossDockTask) -> HttpResponse:
    actions.retry(task, request.user)
    messages.success(request, _("“%(file)s” is in the queue again.") % {"file": task.filename})
    return redirect(back_of(request, task))


def repeat(request: HttpRequest, task: CrossDockTask) -> HttpResponse:
    again = actions.repeat(task, request.user)
    messages.success(request, _("“%(file)s” is asked again, with today's prices.") % {"file": task.filename})
    return redirect(again)


def delete(request: HttpRequest, task: CrossDockTask) -> HttpResponse:
    actions.delete(task, request.user)
    messages.success(request, _("“%(file)s” is deleted.") % {"file": task.filename})
    return redirect("cross_dock:task_list")


ACTS = {"cancel": cancel, "retry": retry, "repeat": repeat, "delete": delete}


def back_of(request: HttpRequest, task: CrossDockTask) -> Any:
    """To the list for who acted there."""
    return "cross_dock:task_list" if request.POST.get("from") == "list" else task


# --- Comments -----------------------------------------------------------------------------------------------
@require_POST
@needs_role(*rules.LOOK)
@once
def comment(request: HttpRequest, task_id: UUID) -> HttpResponse:
    task = get_object_or_404(CrossDockTask, pk=task_id)
    form, comments = CommentForm(request.POST), f"{task.get_absolute_url()}#comments"
    if not form.is_valid():
        messages.error(request, complaint(form)[1])
        return Refused(comments)
    services.comment(task, request.user, form.cleaned_data["text"])
    return redirect(comments)


@require_POST
@needs_role(*rules.LOOK)
def change_comment(request: HttpRequest, task_id: UUID, pk: int) -> HttpResponse:
    """Edit one's own comment, or delete it."""
    written = get_object_or_404(TaskComment, pk=pk, task=task_id)
    if not rules.may_edit(request.user, written):
        raise Http404
    form = CommentForm(request.POST)
    if "delete" in request.POST:
        written.delete()
    elif form.is_valid():
        services.edit(written, form.cleaned_data["text"])
    else:
        messages.error(request, complaint(form)[1])
    return redirect(f"{written.task.get_absolute_url()}#comments")


# --- Results ------------------------------------------------------------------------------------------------
@require_safe
@needs_role(*rules.LOOK)
def download(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """A result, under the name of what was uploaded."""
    task = get_object_or_404(CrossDockTask, pk=task_id, status=Status.SUCCESS)
    try:
        content = files.result_path(task.pk).open("rb")
    except FileNotFoundError:
        raise Http404(_("This result is no longer kept: run the request again.")) from None
    name = f"{task.filename.rpartition('.')[0] or task.filename} - prices.xlsx"
    return FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)

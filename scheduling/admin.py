"""The engine's tables in the admin, to look at; Django Q2's own pages, with sensitive arguments hidden."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django_q import admin as stock  # registers its pages, which ours replace
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.models import Task as FinishedTask

from ims.lib.admin import LookOnly
from scheduling import (
    again,
    declaration,
    operation_admin,  # noqa: F401 - registers its pages
    packages,
    rows,
    schedules,
)
from scheduling.cadence import MAX_INTERVAL_MINUTES
from scheduling.enqueue import insert
from scheduling.exceptions import Undeclared
from scheduling.masking import masked
from scheduling.models import Attempt, Heartbeat, ScheduleOverride


@admin.register(Attempt)
class AttemptAdmin(LookOnly):
    list_display = ["job_id", "number", "func", "started_at", "stopped_at", "retry_at"]
    search_fields = ["=job_id", "func"]
    show_full_result_count = False


@admin.register(Heartbeat)
class HeartbeatAdmin(LookOnly):
    list_display = ["host", "pid", "queues", "workers", "started_at", "seen_at"]
    exclude = ["stat"]


@admin.register(ScheduleOverride)
class ScheduleOverrideAdmin(LookOnly):
    """Changed through the API, the commands or the console, which keep the audit log."""

    list_display = ["name", "stopped", "interval_minutes", "schedule_id", "updated_at"]


# --- Django Q2's own pages --------------------------------------------------------------------------------
@admin.action(description="Resubmit selected tasks to queue", permissions=["change"])
def resubmit_task(page: Any, request: HttpRequest, rows: models.QuerySet[Any]) -> None:
    """Queue each finished job anew; what may not or cannot run is told, not a broken page."""
    for finished in rows:
        try:
            package, queue = again.call(
                finished.id, finished.func, finished.args or (), finished.kwargs or {},
                hook=finished.hook, group=finished.group,
            )  # fmt: skip
            insert(package, queue=queue)
        except (Undeclared, TypeError, ValueError) as error:
            messages.error(request, f"{finished.name}: {error}")
            continue
        if isinstance(page, stock.FailAdmin):
            finished.delete()


class MaskedArguments:
    """A page of finished jobs that shows arguments without what is sensitive."""

    actions = [resubmit_task]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = {"args": "arguments", "kwargs": "keyword_arguments"}
        return [shown.get(field.name, field.name) for field in FinishedTask._meta.fields]

    @admin.display(description="Arguments")
    def arguments(self, finished: Any) -> str:
        return str(masked(finished.func, finished.args, finished.kwargs)[0])

    @admin.display(description="Keyword arguments")
    def keyword_arguments(self, finished: Any) -> str:
        return str(masked(finished.func, finished.args, finished.kwargs)[1])


class SuccessAdmin(MaskedArguments, stock.TaskAdmin):  # type: ignore[misc]
    show_full_result_count = False


class FailureAdmin(MaskedArguments, stock.FailAdmin):  # type: ignore[misc]
    show_full_result_count = False


class QueueAdmin(stock.QueueAdmin):  # type: ignore[misc]
    """The queue; its rows are changed by the engine alone, so that nobody breaks a lease by hand."""

    show_full_result_count = False
    readonly_fields = fields = (
        "key",
        "lock",
        "task_id",
        "name",
        "group",
        "func",
        "arguments",
        "keyword_arguments",
        "options",
    )

    @admin.display(description="Arguments")
    def arguments(self, queued: Any) -> str:
        return str(masked(str(queued.func()), queued.args(), queued.kwargs())[0])

    @admin.display(description="Keyword arguments")
    def keyword_arguments(self, queued: Any) -> str:
        return str(masked(str(queued.func()), queued.args(), queued.kwargs())[1])

    @admin.display(description="Queue options")
    def options(self, queued: Any) -> str:
        """Without the arguments of the steps that follow in a chain."""
        options = dict(queued.q_options())
        if options.get("chain"):
            options["chain"] = [
                packages.path_of(step[0] if isinstance(step, tuple) else step) for step in options["chain"]
            ]
        return str(options)


RHYTHM = {"schedule_type", "minutes", "cron"}  # fields of a Schedule row


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses what could only fail when it is due."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if "func" in cleaned:
            fault = rows.fault(Schedule(**cleaned), timezone.now())
            if fault:
                self.add_error(fault.field, fault.reason)
        elif not cleaned.get("minutes", 1):  # a declared schedule, of which only the interval is edited
            self.add_error("minutes", f"Give a whole number from 1 to {MAX_INTERVAL_MINUTES}.")
        return cleaned


class ScheduleAdmin(stock.ScheduleAdmin):  # type: ignore[misc]
    """All schedules. Of a declared one the interval is changed here, and deleting it stops it."""

    form = ScheduleForm
    list_display = (*stock.ScheduleAdmin.list_display, "broken")

    def get_queryset(self, request: HttpRequest) -> Any:
        follows = ScheduleOverride.objects.filter(schedule_id=OuterRef("pk")).values("name")
        return super().get_queryset(request).annotate(declared=Subquery(follows))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if obj is None or obj.declared is None:
            return list(super().get_readonly_fields(request, obj))
        names = [field.name for field in Schedule._meta.fields if field.editable]
        return names if obj.cron else [name for name in names if name != "minutes"]

    @admin.display(description="Broken")
    def broken(self, row: Any) -> str:
        task = declaration.scheduled().get(row.declared)
        return str(rows.fault(row, timezone.now(), task.cadence.tz if task and task.cadence else None) or "")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Another rhythm takes effect at once, not after the run that the old one planned."""
        if change and obj.declared:
            if form.changed_data:
                schedules.start(obj.declared, obj.minutes, user=request.user)
            return
        if change and RHYTHM & set(form.changed_data) and "next_run" not in form.changed_data:
            obj.next_run = rows.restart(obj, timezone.now())
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        if obj.declared:
            schedules.stop(obj.declared, user=request.user)
        else:
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)


PAGES: dict[Any, Any] = {
    Success: SuccessAdmin,
    Failure: FailureAdmin,
    OrmQ: QueueAdmin,
    Schedule: ScheduleAdmin,
}
for model, page in PAGES.items():
    admin.site.unregister(model)
    admin.site.register(model, page)

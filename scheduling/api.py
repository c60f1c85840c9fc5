"""Schedules over REST."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.lib.api import BadRequest, HasRole
from ims.lib.openapi import page_of
from scheduling import roles, schedules
from scheduling.cadence import MAX_INTERVAL_MINUTES
from scheduling.exceptions import BadInterval, UnknownSchedule
from scheduling.schedules import ScheduleStatus


class CanOperate(HasRole):
    """Operators act; operators and read-only users look."""

    read = roles.LOOK
    act = roles.OPERATE


class ControlSerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(["start", "stop", "status", "run_now"])
    interval = serializers.IntegerField(required=False, min_value=1, help_text="Minutes between two runs.")


class ScheduleRowSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    interval_minutes = serializers.IntegerField(allow_null=True)
    next_run = serializers.DateTimeField(allow_null=True)
    repeats = serializers.CharField(help_text='"Indefinitely" or a number')
    task_count = serializers.IntegerField(help_text="Finished runs in the history.")


class FullScheduleRowSerializer(ScheduleRowSerializer):
    """In lists and under /api/scheduling/; tracking's own address tells the first six fields."""

    active = serializers.BooleanField(required=False)
    task = serializers.CharField(required=False)
    cron = serializers.CharField(required=False, allow_null=True)
    time_zone = serializers.CharField(required=False)
    handmade = serializers.BooleanField(required=False, help_text="A row of the admin, not declared in code.")
    broken = serializers.CharField(
        required=False, allow_null=True, help_text="Why it cannot run: field, reason and cure."
    )
    next_runs = serializers.ListField(
        child=serializers.DateTimeField(), required=False, help_text="The next five; not in lists."
    )


class ControlAnswerSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField(required=False)
    warning = serializers.CharField(required=False)
    schedule_id = serializers.CharField(required=False)
    job_id = serializers.CharField(required=False)
    active = serializers.BooleanField(required=False)
    schedules = FullScheduleRowSerializer(many=True, required=False)


class ScheduleControlView(APIView):
    """Start, stop, look at and run one schedule.

    Bound to a schedule by one line: `ScheduleControlView.as_view(schedule="…", subject="tracking update")`.
    """

    permission_classes = [CanOperate]
    schedule = ""  # the public name; empty: from the address
    subject = ""  # what one run is called; empty: made from the name

    @extend_schema(responses=ControlAnswerSerializer)
    def get(self, request: Request, name: str = "") -> Response:
        return Response(self.status(self.find(name)))

    @extend_schema(
        request=ControlSerializer,
        responses={
            200: ControlAnswerSerializer,
            202: OpenApiResponse(ControlAnswerSerializer, description="run_now: the job is queued"),
        },
    )
    def post(self, request: Request, name: str = "") -> Response:
        current = self.find(name)
        if not isinstance(request.data, dict):
            raise BadRequest("action", "Send a JSON object with an action: start, stop, status or run_now.")
        action = request.data.get("action")
        if current.handmade and action in ("start", "stop", "run_now"):
            raise BadRequest("action", "This row was made by hand; change it in the admin.")
        match action:
            case "start":
                return Response(self.start(current, request))
            case "stop":
                schedules.stop(current.name, user=request.user)
                return Response({"success": True, "message": f"{self.runs(current).capitalize()} stopped"})
            case "status":
                return Response(self.status(current))
            case "run_now":
                return self.run_now(current, request)
        raise BadRequest("action", "Give one of start, stop, status or run_now.")

    def find(self, name: str) -> ScheduleStatus:
        try:
            return schedules.status(self.schedule or name)
        except UnknownSchedule as error:
            raise Http404(str(error)) from error

    def start(self, current: ScheduleStatus, request: Request) -> dict[str, Any]:
        try:
            minutes = read_interval(request.data)
            started = schedules.start(current.name, minutes, user=request.user)
        except BadInterval as error:
            raise BadRequest("interval", str(error).removeprefix("interval: ")) from error
        answer = {
            "success": True,
            "message": f"Scheduled {self.runs(current)} {describe_cadence(started)}",
            "schedule_id": started.schedule_id,
        }
        if started.interval_minutes and started.interval_minutes < 60:
            answer["warning"] = "An interval below 60 minutes asks the vendor often."
        return answer

    def status(self, current: ScheduleStatus) -> dict[str, Any]:
        return {
            "success": True,
            "active": current.active,
            "schedules": [self.row(current)] if current.active else [],
        }

    def row(self, current: ScheduleStatus) -> dict[str, Any]:
        """At an address of its own a schedule keeps to the agreed fields; here it tells everything."""
        if self.schedule:
            return row(current)
        return {**full_row(current), "next_runs": schedules.next_runs(current.key)}

    def run_now(self, current: ScheduleStatus, request: Request) -> Response:
        job = schedules.run_now(current.name, user=request.user)
        answer = {"success": True, "message": f"{self.run(current).capitalize()} queued", "job_id": job.id}
        return Response(answer, status=status.HTTP_202_ACCEPTED)

    def run(self, current: ScheduleStatus) -> str:
        return self.subject or f"run of {current.name}"

    def runs(self, current: ScheduleStatus) -> str:
        return f"{self.subject}s" if self.subject else f"runs of {current.name}"


class ScheduleListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_schedules_list", responses=page_of(FullScheduleRowSerializer))
    def get(self, request: Request) -> Response:
        """Every schedule, stopped ones and rows made by hand included; `broken` says why one cannot run."""
        rows = [full_row(each) for each in schedules.all_statuses()]
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


def read_interval(data: Any) -> int | None:
    """The interval of a request: a whole number or absent. Raises BadInterval for 1.5, true and "60"."""
    if data.get("interval") is None:
        return None
    value = data["interval"]
    if type(value) is not int:
        raise BadInterval(f"give a whole number of minutes from 1 to {MAX_INTERVAL_MINUTES}.")
    return value


def describe_cadence(current: ScheduleStatus) -> str:
    """ "every 720 minutes (12 hours)"; the hours where they are a round figure."""
    if current.cron:
        return f"by cron {current.cron} ({current.tz})"
    if current.interval_minutes is None:
        return current.kind.lower()
    minutes, hours = current.interval_minutes, current.interval_minutes / 60
    words = f"every {minutes} {'minute' if minutes == 1 else 'minutes'}"
    is_round = minutes >= 60 and minutes % 15 == 0
    return f"{words} ({hours:g} {'hour' if hours == 1 else 'hours'})" if is_round else words


def row(current: ScheduleStatus) -> dict[str, Any]:
    return {
        "id": current.schedule_id,
        "name": current.name,
        "interval_minutes": current.interval_minutes,
        "next_run": current.next_run,
        "repeats": "Indefinitely" if current.repeats < 0 else str(current.repeats),
        "task_count": current.task_count,
    }


def full_row(current: ScheduleStatus) -> dict[str, Any]:
    return {
        **row(current),
        "active": current.active,
        "task": current.task,
        "cron": current.cron,
        "time_zone": current.tz,
        "handmade": current.handmade,
        "broken": current.broken,
    }

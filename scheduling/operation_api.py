"""Operations over REST: figures, bulk actions, mutes, tasks enqueued by hand, quiet mode, incidents."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.lib.api import BadRequest
from ims.lib.openapi import page_of
from scheduling import bulk, figures, launch, mutes, queues
from scheduling.api import CanOperate
from scheduling.declaration import QUEUES
from scheduling.exceptions import Undeclared
from scheduling.operation_models import Incident
from scheduling.queue_api import ChangedSerializer, changed
from scheduling.search import STATES, TEXT_FIELDS, BadFilter, JobFilter

ROWS = 100  # incidents


class FiguresPointSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    outcomes = serializers.DictField(
        child=serializers.IntegerField(), help_text="Jobs that ended, by outcome."
    )
    run_p50 = serializers.FloatField(allow_null=True, help_text="Seconds; so are the next ones.")
    run_p95 = serializers.FloatField(allow_null=True)
    wait_p50 = serializers.FloatField(allow_null=True)
    wait_p95 = serializers.FloatField(allow_null=True)
    waiting = serializers.IntegerField(allow_null=True, help_text="Jobs in the queues at the worst moment.")
    oldest_seconds = serializers.FloatField(allow_null=True)


class TaskFiguresSerializer(serializers.Serializer[Any]):
    task = serializers.CharField()
    queue = serializers.CharField()
    count = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    retried = serializers.IntegerField(help_text="Attempts that were followed by another.")
    run_p50 = serializers.FloatField(allow_null=True)
    run_p95 = serializers.FloatField(allow_null=True)
    wait_p50 = serializers.FloatField(allow_null=True)
    wait_p95 = serializers.FloatField(allow_null=True)


class FiguresSerializer(serializers.Serializer[Any]):
    span = serializers.ChoiceField(list(figures.SPANS))
    task = serializers.CharField()
    queue = serializers.CharField()
    total = serializers.IntegerField(help_text="Jobs that ended.")
    points = FiguresPointSerializer(many=True)
    tasks = TaskFiguresSerializer(many=True)


class BulkSerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(list(bulk.STATES))
    state = serializers.ChoiceField(list(STATES))
    task = serializers.CharField(required=False, allow_blank=True, default="")
    queue = serializers.ChoiceField(list(QUEUES), required=False, allow_blank=True, default="")
    q = serializers.CharField(required=False, allow_blank=True, default="", help_text=f"In {TEXT_FIELDS}.")


class BulkCountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    more = serializers.BooleanField(help_text="There are more than were counted.")
    consequence = serializers.CharField()


class JobQueuedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    job_id = serializers.CharField()
    message = serializers.CharField()


class FailureMuteSerializer(serializers.Serializer[Any]):
    task = serializers.CharField(max_length=256)
    error = serializers.CharField(max_length=300, allow_blank=True)
    how = serializers.ChoiceField([*mutes.HOW, "unmute"], help_text=str(mutes.HOW))


class TaskArgumentSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    is_required = serializers.BooleanField()
    is_sensitive = serializers.BooleanField()
    choices = serializers.ListField()


class DeclaredTaskSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    queue = serializers.CharField()
    timeout = serializers.IntegerField()
    attempts = serializers.IntegerField()
    help = serializers.CharField()
    arguments = TaskArgumentSerializer(many=True)


class LaunchSerializer(serializers.Serializer[Any]):
    arguments = serializers.DictField(required=False, default=dict, help_text="By name.")
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class IncidentSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    text = serializers.CharField()
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class FiguresView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(
        parameters=[
            OpenApiParameter("span", enum=list(figures.SPANS)),
            OpenApiParameter("task", description="Public name."),
            OpenApiParameter("queue", enum=list(QUEUES)),
        ],
        responses=FiguresSerializer,
    )
    def get(self, request: Request) -> Response:
        """What the charts show: a span of time in steps, and the tasks in it."""
        asked = request.query_params
        span, queue = asked.get("span", "hour"), asked.get("queue", "")
        try:
            chart = figures.chart(span, asked.get("task", ""), queue)
            tasks = figures.by_task(span, queue)
        except BadFilter as error:
            raise BadRequest(error.field, error.message) from error
        told = {**figures.as_json(chart), "tasks": [asdict(each) for each in tasks]}
        return Response(FiguresSerializer(told).data)


class BulkView(APIView):
    """Retry, cancel or delete all jobs that match a filter."""

    permission_classes = [CanOperate]

    @extend_schema(parameters=[BulkSerializer], responses=BulkCountSerializer)
    def get(self, request: Request) -> Response:
        """How many jobs it would be now."""
        action, wanted = self.read(request.query_params)
        try:
            counted = bulk.count(action, wanted)
        except BadFilter as error:
            raise BadRequest(error.field, error.message) from error
        consequence = bulk.CONSEQUENCES[action]
        return Response({"count": counted.count, "more": counted.is_more, "consequence": consequence})

    @extend_schema(request=BulkSerializer, responses={202: JobQueuedSerializer})
    def post(self, request: Request) -> Response:
        """Queue the job that does it; its progress tells how far it is."""
        action, wanted = self.read(request.data)
        try:
            job = bulk.begin(action, wanted, user=request.user)
        except BadFilter as error:
            raise BadRequest(error.field, error.message) from error
        return _queued(job.id, f"Queued: {action} all that match.")

    def read(self, data: Any) -> tuple[str, JobFilter]:
        asked = _valid(BulkSerializer, data)
        return asked.pop("action"), JobFilter(**asked)


class MuteView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(request=FailureMuteSerializer, responses=ChangedSerializer)
    def post(self, request: Request) -> Response:
        """Mute a group of failures, or hear it again."""
        asked = _valid(FailureMuteSerializer, request.data)
        how = asked.pop("how")
        if how == "unmute":
            return changed("It is heard again.", mutes.unmute(**asked, user=request.user))
        mutes.mute(**asked, how=how, user=request.user)
        return changed(f"Muted {mutes.HOW[how]}.", True)


class TaskListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_tasks_list", responses=page_of(DeclaredTaskSerializer))
    def get(self, request: Request) -> Response:
        """The tasks that may be enqueued by hand, with their arguments."""
        rows = DeclaredTaskSerializer([launch.describe(task) for task in launch.offered()], many=True).data
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


class TaskEnqueueView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(
        request=LaunchSerializer,
        responses={202: JobQueuedSerializer, 404: OpenApiResponse(description="No such task")},
    )
    def post(self, request: Request, task: str) -> Response:
        """Queue one job of a declared task."""
        try:
            declared = launch.find(task)
        except Undeclared as error:
            raise Http404(str(error)) from error
        asked = _valid(LaunchSerializer, request.data)
        at: datetime | None = asked["at"]
        try:
            arguments = launch.read(declared, asked["arguments"])
            job = launch.launch(declared, arguments, at=at, user=request.user)
        except launch.BadArguments as error:
            raise ValidationError({name: [words] for name, words in error.errors.items()}) from error
        return _queued(job.id, f"{declared.name} queued.")


class QuietView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(request=None, responses=ChangedSerializer)
    def post(self, request: Request) -> Response:
        """Start no more jobs, for a deploy; `running` of the queues falls to 0."""
        return changed("All queues are paused.", queues.quiet(user=request.user))


class WakeView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(request=None, responses=ChangedSerializer)
    def post(self, request: Request) -> Response:
        """End quiet mode; queues that were paused before it stay so."""
        return changed("Quiet mode is over.", queues.wake(user=request.user))


class IncidentListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_incidents_list", responses=page_of(IncidentSerializer))
    def get(self, request: Request) -> Response:
        """What people were warned of, the newest first; without `ended_at` it goes on."""
        rows = IncidentSerializer(Incident.objects.all()[:ROWS], many=True).data
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


def _valid(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    read = serializer(data=data)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


def _queued(job_id: str, message: str) -> Response:
    return Response({"success": True, "job_id": job_id, "message": message}, status=status.HTTP_202_ACCEPTED)

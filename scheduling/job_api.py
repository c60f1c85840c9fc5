"""Jobs over REST: lists, one job, failures by group; retry, run again, cancel."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.lib.api import BadRequest
from ims.lib.openapi import page_of
from scheduling import actions, details, failures, search
from scheduling.api import CanOperate
from scheduling.declaration import QUEUES
from scheduling.details import JobDetails
from scheduling.exceptions import NotPossible, UnknownJob


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class ProgressSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True)
    stage = serializers.CharField()


class AttemptSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField()
    error = serializers.CharField(help_text="The traceback.")
    retry_at = serializers.DateTimeField(allow_null=True)


class LogLineSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    level = serializers.CharField()
    logger = serializers.CharField()
    text = serializers.CharField()


class LogSerializer(serializers.Serializer[Any]):
    attempt = serializers.IntegerField()
    left_out = serializers.IntegerField(help_text="Earlier lines, which are only in the log.")
    lines = LogLineSerializer(many=True, source="entries")


class JobRowSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    task = serializers.CharField()
    queue = serializers.CharField()
    state = serializers.ChoiceField(list(search.STATES))
    attempts = serializers.IntegerField(help_text="Starts so far.")
    at = serializers.DateTimeField(
        allow_null=True, help_text="When it is due, started or ended, by its state."
    )
    enqueued_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    error = serializers.CharField(help_text="The last error in one line.")
    percent = serializers.IntegerField(allow_null=True)
    stage = serializers.CharField()
    cluster_state = serializers.CharField(
        help_text="silent or dead: the cluster that holds it, so nobody knows whether it runs; else empty."
    )


class JobPageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="Address of the next page; null on the last.")
    previous = serializers.CharField(allow_null=True, help_text="Always null: pages go on, not back.")
    results = JobRowSerializer(many=True)


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    task = serializers.CharField()
    queue = serializers.CharField()
    state = serializers.ChoiceField(list(search.STATES))
    arguments = serializers.DictField(child=serializers.CharField(), help_text="Sensitive ones are masked.")
    group = serializers.CharField(help_text="The schedule that queued it, or the caller's word.")
    attempts_started = serializers.IntegerField(source="started")
    attempts_allowed = serializers.IntegerField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    enqueued_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    error = serializers.SerializerMethodField()
    result = serializers.CharField(help_text="As text.")
    progress = ProgressSerializer(allow_null=True)
    attempts = AttemptSerializer(many=True, help_text="The failed ones.")
    logs = LogSerializer(many=True, help_text="What each attempt that has ended logged.")
    cluster_state = serializers.CharField(
        help_text="silent or dead: the cluster that holds it, so nobody knows whether it runs; else empty."
    )
    cancel_requested_by = serializers.CharField(
        source="cancellation.requested_by", default=None, allow_null=True
    )

    def get_error(self, job: JobDetails) -> str | None:
        return job.error or (job.attempts[-1].error if job.attempts and job.is_unfinished else None)


class FailureGroupSerializer(serializers.Serializer[Any]):
    task = serializers.CharField()
    error = serializers.CharField()
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    job = serializers.CharField(help_text="The id of one of them.")
    muted = serializers.CharField(help_text="Until when, and by whom; empty: it is heard.")


class ActedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    job_id = serializers.CharField()
    state = serializers.CharField()
    message = serializers.CharField()


class JobListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(
        operation_id="scheduling_jobs_list",
        parameters=[
            OpenApiParameter("state", enum=list(search.STATES)),
            OpenApiParameter("task", description="Public name or dotted path."),
            OpenApiParameter("queue", enum=list(QUEUES)),
            OpenApiParameter("q", description=f"Text; looked for in {search.TEXT_FIELDS}."),
            OpenApiParameter("cursor", description="From the address in `next`."),
            OpenApiParameter(
                "page_size", int, description=f"1 to {search.MAX_PAGE}, {search.PAGE} by default."
            ),
        ],
        responses=JobPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Jobs, unfinished ones first, then newest first; by cursor, without a count."""
        asked = {name: request.query_params.get(name, "") for name in ("state", "task", "queue", "q")}
        try:
            page = search.find(
                search.JobFilter(**asked), request.query_params.get("cursor", ""), page_size(request)
            )
        except search.BadFilter as error:
            raise BadRequest(error.field, error.message) from error
        results = JobRowSerializer(page.rows, many=True).data
        return Response({"next": next_address(request, page.older), "previous": None, "results": results})


class JobView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: str) -> Response:
        """One job: arguments, progress, times, result, and each failed attempt with its traceback."""
        try:
            return Response(JobSerializer(details.of(job_id)).data)
        except UnknownJob as error:
            raise Http404(str(error)) from error


class JobActionView(APIView):
    """Retry, run again or cancel a job. 409 where its state does not allow it."""

    permission_classes = [CanOperate]
    action = ""

    @extend_schema(
        request=None,
        responses={
            202: ActedSerializer,
            404: OpenApiResponse(description="No such job"),
            409: OpenApiResponse(description="Its state does not allow it; the message says why"),
        },
    )
    def post(self, request: Request, job_id: str) -> Response:
        try:
            answer = getattr(self, self.action)(job_id, request.user)
        except UnknownJob as error:
            raise Http404(str(error)) from error
        except NotPossible as error:
            raise Conflict(str(error)) from error
        return Response({"success": True, **answer}, status=status.HTTP_202_ACCEPTED)

    def retry(self, job_id: str, user: Any) -> dict[str, str]:
        job = actions.retry(job_id, user=user)
        return {"job_id": job.id, "state": job.state, "message": "Queued for one more attempt."}

    def run_again(self, job_id: str, user: Any) -> dict[str, str]:
        job = actions.run_again(job_id, user=user)
        return {"job_id": job.id, "state": job.state, "message": "Queued as a new job."}

    def cancel(self, job_id: str, user: Any) -> dict[str, str]:
        state = actions.cancel(job_id, user=user)
        message = "Cancelled." if state == "cancelled" else "Asked to stop."
        return {"job_id": job_id, "state": state, "message": message}


class FailureListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_failures_list", responses=page_of(FailureGroupSerializer))
    def get(self, request: Request) -> Response:
        """Failed jobs of the last seven days, grouped by task and error, the newest first."""
        rows = FailureGroupSerializer(failures.groups(), many=True).data
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


def page_size(request: Request) -> int:
    asked = request.query_params.get("page_size") or str(search.PAGE)
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= search.MAX_PAGE):
        raise BadRequest("page_size", f"Give a whole number from 1 to {search.MAX_PAGE}.")
    return int(asked)


def next_address(request: Request, cursor: str) -> str | None:
    if not cursor:
        return None
    query = request.query_params.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")

"""Queues, clusters and the audit log over REST."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.lib import audit
from ims.lib.models import AuditLog
from ims.lib.openapi import page_of
from scheduling import overview, queues
from scheduling.api import CanOperate
from scheduling.exceptions import UnknownQueue
from scheduling.job_api import next_address, page_size
from scheduling.roles import ACTIONS


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    waiting = serializers.IntegerField()
    scheduled = serializers.IntegerField(help_text="Not due yet.")
    running = serializers.IntegerField()
    unheard = serializers.IntegerField(
        help_text="Of the running ones: with clusters that are silent or dead, so nobody knows."
    )
    retrying = serializers.IntegerField()
    unreadable = serializers.IntegerField(help_text="Kept; no known SECRET_KEY signed them.")
    failed_last_day = serializers.IntegerField()
    oldest_seconds = serializers.FloatField(allow_null=True, help_text="How long the oldest due job waits.")
    clusters = serializers.IntegerField(help_text="Living clusters that serve it.")
    paused = serializers.BooleanField()
    paused_at = serializers.DateTimeField(allow_null=True)
    paused_by = serializers.CharField()


class ChangedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    message = serializers.CharField()
    changed = serializers.BooleanField()


class RunningSerializer(serializers.Serializer[Any]):
    worker = serializers.IntegerField(help_text="Its process id.")
    job = serializers.CharField()
    task = serializers.CharField()
    queue = serializers.CharField()
    attempt = serializers.IntegerField()
    since = serializers.DateTimeField()


class ClusterSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    state = serializers.ChoiceField(
        list(overview.CLUSTER_STATES),
        help_text="silent: it should have been heard of, so nobody knows what it does.",
    )
    status = serializers.CharField(help_text="What it says of itself; empty unless alive.")
    queues = serializers.ListField(child=serializers.CharField())
    workers = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    running = RunningSerializer(many=True)


class AuditSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    user = serializers.SerializerMethodField()
    action = serializers.CharField()
    target = serializers.CharField()
    before = serializers.DictField()
    after = serializers.DictField()

    def get_user(self, entry: AuditLog) -> str | None:
        """Null: from the command line."""
        return entry.user.get_username() if entry.user else None


class QueueListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_queues_list", responses=page_of(QueueSerializer))
    def get(self, request: Request) -> Response:
        """The queues in order of urgency: what waits, runs and is served by living clusters."""
        rows = overview.queues()
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


class QueuePauseView(APIView):
    """Pause a queue: no more of its jobs are started. Running jobs go on."""

    permission_classes = [CanOperate]
    done = "paused"

    @extend_schema(request=None, responses=ChangedSerializer)
    def post(self, request: Request, name: str) -> Response:
        try:
            is_new = self.act(name, request.user)
        except UnknownQueue as error:
            raise Http404(str(error)) from error
        return changed(f"Queue {name} is {self.done}{'' if is_new else ' already'}.", is_new)

    def act(self, name: str, user: Any) -> bool:
        return queues.pause(name, user=user)


class QueueResumeView(QueuePauseView):
    """Resume a paused queue."""

    done = "resumed"

    def act(self, name: str, user: Any) -> bool:
        return queues.resume(name, user=user)


class ClusterListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_clusters_list", responses=page_of(ClusterSerializer))
    def get(self, request: Request) -> Response:
        """The clusters, and what each worker runs and since when."""
        rows = ClusterSerializer([asdict(each) for each in overview.look().clusters], many=True).data
        return Response({"count": len(rows), "next": None, "previous": None, "results": rows})


class AuditListView(APIView):
    permission_classes = [CanOperate]

    @extend_schema(operation_id="scheduling_audit_list", responses=page_of(AuditSerializer, counted=False))
    def get(self, request: Request) -> Response:
        """Who did what, newest first; by cursor, without a count."""
        size = page_size(request)
        rows = audit.entries(ACTIONS, request.query_params.get("cursor", ""), size + 1)
        older = next_address(request, str(rows[size - 1].pk)) if len(rows) > size else None
        return Response(
            {"next": older, "previous": None, "results": AuditSerializer(rows[:size], many=True).data}
        )


def changed(message: str, is_changed: bool) -> Response:
    return Response({"success": True, "message": message, "changed": is_changed})

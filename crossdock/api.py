"""Price requests over REST: /api/cross-dock/."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import exceptions, mixins, parsers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from crossdock import actions, queries, rules, services
from crossdock.models import CrossDockTask, TaskComment
from crossdock.pricing import Pricer
from crossdock.serializers import (
    CommentSerializer,
    GroupSerializer,
    LookUpAnswer,
    LookUpQuery,
    TaskFilter,
    TaskSerializer,
    UploadSerializer,
)
from ims.lib.api import BadRequest, HasRole, JSONParser
from ims.lib.sheets import SheetError
from ims.submissions.once import idempotent

UUID_REGEX = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class Buyers(HasRole):
    """Buyers and operators look, and act as rules.py says."""

    read = act = rules.LOOK


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "not_now"


@extend_schema(tags=["cross-dock"])
@extend_schema_view(list=extend_schema(parameters=[TaskFilter]))
class TaskViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[CrossDockTask],
):
    """Price requests: all are seen by all buyers; owner and operator cancel, retry and delete."""

    permission_classes = (Buyers,)
    parser_classes = (JSONParser, parsers.MultiPartParser)
    queryset = CrossDockTask.objects.select_related("user")
    serializer_class = TaskSerializer
    lookup_value_regex = UUID_REGEX

    def get_queryset(self) -> QuerySet[CrossDockTask]:
        if self.action != "list":
            return super().get_queryset()
        wanted = TaskFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        return queries.search(**wanted.validated_data, user=self.request.user)

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: TaskSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Upload a price request; it is priced in the background."""
        if not rules.may_ask(request.user):
            raise exceptions.PermissionDenied
        asked = UploadSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        file = asked.validated_data["file"]
        try:
            task = actions.ask(file.file, file.name, asked.validated_data["supplier_group"], request.user)
        except SheetError as error:
            raise BadRequest("file", str(error)) from error
        return Response(TaskSerializer(task).data, status.HTTP_201_CREATED)

    def perform_destroy(self, task: CrossDockTask) -> None:
        self.act(actions.delete, task)

    @extend_schema(request=None, responses=TaskSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop a waiting or running request."""
        return self.acted(actions.cancel)

    @extend_schema(request=None, responses=TaskSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Begin a failed or cancelled request anew, from the kept upload."""
        return self.acted(actions.retry)

    @extend_schema(request=None, responses={201: TaskSerializer})
    @idempotent
    @action(detail=True, methods=["post"], url_path="run-again")
    def run_again(self, request: Request, pk: str) -> Response:
        """A new request for the same parts, with today's prices."""
        if not rules.may_ask(request.user):
            raise exceptions.PermissionDenied
        try:
            again = actions.repeat(self.get_object(), request.user)
        except services.NotNow as error:
            raise Conflict(str(error)) from error
        return Response(TaskSerializer(again).data, status.HTTP_201_CREATED)

    def acted(self, act: Any) -> Response:
        task = self.get_object()
        self.act(act, task)
        task.refresh_from_db()
        return Response(TaskSerializer(task).data)

    def act(self, act: Any, task: CrossDockTask) -> None:
        if not rules.may_control(self.request.user, task):
            raise exceptions.NotFound
        try:
            act(task, self.request.user)
        except services.NotNow as error:
            raise Conflict(str(error)) from error


@extend_schema(tags=["cross-dock"])
class CommentViewSet(viewsets.ModelViewSet[TaskComment]):
    """The comments of a price request, newest first; each belongs to its author."""

    permission_classes = (Buyers,)
    queryset = TaskComment.objects.none()
    serializer_class = CommentSerializer
    lookup_value_regex = r"\d+"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")
    create = idempotent(viewsets.ModelViewSet.create)

    def get_queryset(self) -> QuerySet[TaskComment]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        task = get_object_or_404(CrossDockTask, pk=UUID(self.kwargs["task_id"]))
        return TaskComment.objects.filter(task=task).select_related("user")

    def perform_create(self, serializer: BaseSerializer[TaskComment]) -> None:
        task = get_object_or_404(CrossDockTask, pk=UUID(self.kwargs["task_id"]))
        text = serializer.validated_data["text"]
        serializer.instance = services.comment(task, self.request.user, text)

    def perform_update(self, serializer: BaseSerializer[TaskComment]) -> None:
        services.edit(
            self._own(serializer.instance), serializer.validated_data.get("text", serializer.instance.text)
        )

    def perform_destroy(self, comment: TaskComment) -> None:
        self._own(comment).delete()

    def _own(self, comment: TaskComment) -> TaskComment:
        if not rules.may_edit(self.request.user, comment):
            raise exceptions.NotFound
        return comment


class LookUpView(APIView):
    permission_classes = (Buyers,)

    @extend_schema(tags=["cross-dock"], parameters=[LookUpQuery], responses=LookUpAnswer)
    def get(self, request: Request) -> Response:
        """The best offers for one part."""
        query = LookUpQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        pricer = Pricer(asked["supplier_group"], now())
        part = pricer.part(asked["brand"], asked["article"])
        found = pricer.best([part]).get(part, [])
        answer = {"best": found, "source": pricer.source, "source_reason": pricer.reason}
        return Response(LookUpAnswer(answer).data)


class GroupsView(APIView):
    permission_classes = (Buyers,)

    @extend_schema(tags=["cross-dock"], responses=GroupSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The groups of suppliers, and how fresh their offers are."""
        rows = [{"name": name, **queries.freshness(name).__dict__} for name in queries.groups()]
        return Response(GroupSerializer(rows, many=True).data)

"""One's own notices over REST: /api/notices/."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import exceptions, generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.lib.ids import IdField
from ims.notices import services
from ims.notices.models import Notice

MOST_IDS = 1000  # in one request


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    class Meta:
        model = Notice
        fields = ("id", "kind", "title", "text", "url", "created_at", "read_at")


class NoticeFilter(serializers.Serializer[Any]):
    """The query of the list."""

    unread = serializers.BooleanField(required=False, help_text="1: only those not read yet.")


class ReadRequest(serializers.Serializer[Any]):
    """Either some notices by id, or all."""

    ids = serializers.ListField(
        child=IdField(),
        allow_empty=False,
        max_length=MOST_IDS,
        required=False,
    )
    all = serializers.BooleanField(required=False)

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if bool(wanted.get("all")) == ("ids" in wanted):
            raise serializers.ValidationError({"ids": 'Give either a list of ids or "all": true.'})
        return wanted


@extend_schema(tags=["notices"], parameters=[NoticeFilter])
class NoticesView(generics.ListAPIView[Notice]):
    """What one was told, newest first."""

    serializer_class = NoticeSerializer
    queryset = Notice.objects.all()

    def get_queryset(self) -> QuerySet[Notice]:
        wanted = NoticeFilter(data=self.request.query_params)
        wanted.is_valid(raise_exception=True)
        own = super().get_queryset().filter(user=self.request.user)
        return own.filter(read_at=None) if wanted.validated_data.get("unread") else own


class ReadNoticesView(APIView):
    """Mark some of one's notices, or all, as read."""

    @extend_schema(
        tags=["notices"],
        request=ReadRequest,
        responses={
            200: inline_serializer("NoticesRead", {"read": serializers.IntegerField()}),
            404: OpenApiResponse(description="One of these notices is not yours, or does not exist."),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = ReadRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            read = services.mark_read(request.user, wanted.validated_data.get("ids", "all"))
        except services.UnknownNotice:
            raise exceptions.NotFound("ids: one of these notices does not exist.") from None
        return Response({"read": read})

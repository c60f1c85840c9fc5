"""One's own devices over REST: /api/devices/. The person is always the caller."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from ims.lib.api import isAuthenticatedCustom
from logistics.notifications import devices
from logistics.notifications.models import DeviceToken, Platform


class DeviceSerializer(serializers.ModelSerializer[DeviceToken]):
    class Meta:
        model = DeviceToken
        fields = ("id", "token", "platform", "is_active", "registered_at")
        read_only_fields = fields


class DeviceRequest(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=512, help_text="What Firebase calls the registration token.")
    platform = serializers.ChoiceField(Platform.choices, default=Platform.ANDROID)


class TokenRequest(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=512)


@extend_schema(tags=["devices"])
class DevicesView(generics.ListAPIView[DeviceToken]):
    """The devices on which the caller is reached."""

    permission_classes = (isAuthenticatedCustom,)
    serializer_class = DeviceSerializer
    queryset = DeviceToken.objects.all()

    def get_queryset(self) -> QuerySet[DeviceToken]:
        return super().get_queryset().filter(user=self.request.user.pk)

    @extend_schema(request=DeviceRequest, responses={201: DeviceSerializer})
    def post(self, request: Request) -> Response:
        """Register a device; one that was another person's is the caller's from now on."""
        wanted = DeviceRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        device = devices.register(request.user, **wanted.validated_data)
        return Response(DeviceSerializer(device).data, status.HTTP_201_CREATED)

    @extend_schema(request=TokenRequest, parameters=[OpenApiParameter("token", str)], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign a device out; its token comes in the body or the query."""
        given = request.data if isinstance(request.data, dict) and request.data else request.query_params
        wanted = TokenRequest(data=given)
        wanted.is_valid(raise_exception=True)
        if not devices.forget(request.user, wanted.validated_data["token"]):
            raise exceptions.NotFound("token: this is none of your devices.")
        return Response(status=status.HTTP_204_NO_CONTENT)

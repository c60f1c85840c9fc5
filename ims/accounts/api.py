"""Sign in and out over the API: /api/auth/."""

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import OpenApiResponse, extend_schema
from knox import views as knox
from rest_framework import exceptions, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ims.accounts.authentication import BearerAuthentication
from ims.accounts.models import User
from ims.accounts.throttle import LoginThrottle


class UserSerializer(serializers.ModelSerializer[User]):
    name = serializers.CharField(source="display_name")
    roles = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields = ("id", "username", "name", "roles")
        read_only_fields = fields

    def get_roles(self, user: User) -> list[str]:
        return sorted(user.roles)


class LoginSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, style={"input_type": "password"})


class LoginAnswerSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expiry = serializers.DateTimeField()
    user = UserSerializer()


@extend_schema(
    tags=["auth"],
    request=LoginSerializer,
    responses={
        200: LoginAnswerSerializer,
        401: OpenApiResponse(description="Wrong username or password, or the account is disabled."),
    },
    auth=[],
)
class LoginView(knox.LoginView):
    """Give a token for a name and password."""

    authentication_classes = ()  # an old token in the header must not stand in the way of a new one
    permission_classes = (permissions.AllowAny,)
    throttle_classes = (LoginThrottle,)

    def post(self, request: Request) -> Response:
        wanted = LoginSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = authenticate(request._request, **wanted.validated_data)  # axes marks this very request
        if user is None:
            raise exceptions.AuthenticationFailed("Wrong username or password, or the account is disabled.")
        request.user = user
        return super().post(request)

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def get_user_serializer_class(self) -> type[UserSerializer]:
        return UserSerializer


@extend_schema(tags=["auth"], request=None, responses={204: None})
class LogoutView(knox.LogoutView):
    """End the token of this request."""

    authentication_classes = (BearerAuthentication,)


@extend_schema(tags=["auth"], request=None, responses={204: None})
class LogoutAllView(knox.LogoutAllView):
    """End every token of this user."""

    authentication_classes = (BearerAuthentication,)


@extend_schema(tags=["auth"], responses=UserSerializer)
class MeView(APIView):
    """Who the token or session belongs to."""

    def get(self, request: Request) -> Response:
        return Response(UserSerializer(request.user).data)

"""How a program or a page proves who it is to the API: a Bearer token, or the session of a signed-in page."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from ims.accounts.models import User


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer TOKEN`, the token of POST /api/auth/login/."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, object]:
        if not token.isalnum():  # our tokens are hexadecimal; knox would stumble over other bytes
            raise exceptions.AuthenticationFailed("Invalid token.")
        return super().authenticate_credentials(token)


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of a signed-in page. A missing login is 401, a missing CSRF token 403."""

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of POST /api/auth/login/."}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A signed-in page."}

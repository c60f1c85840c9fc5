"""What every JSON endpoint shares: the two error shapes, paging, and who may ask."""

import math
import re
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.deprecation import MiddlewareMixin
from rest_framework import exceptions, pagination, parsers, permissions, status
from rest_framework.request import Request
from rest_framework.response import Response

from ims.lib.refusals import Refused

if TYPE_CHECKING:  # settings name classes of this module, and DRF's views read those settings at import
    from rest_framework.views import APIView

API_PREFIX = "/api/"
# Addresses whose callers expect {"success": false, "error": "…"}; all others get {"error": {…}}.
FLAT_ERRORS = re.compile(r"^/api/(masterdata/tracking/|driver|eic/)")
CURES = {
    "not_authenticated": "Sign in, or send the header Authorization: Bearer TOKEN.",
    "authentication_failed": "Sign in again at /api/auth/login/.",
    "unsupported_media_type": "Send the body as application/json.",
    "permission_denied": "Ask an administrator for the role it needs.",
}


class isAuthenticatedCustom(permissions.IsAuthenticated):
    """A valid login is needed; without one the answer is 401."""


class HasRole(isAuthenticatedCustom):
    """Subclass with `read` and `act`: the roles that may look and that may change."""

    read: tuple[str, ...] = ()
    act: tuple[str, ...] = ()

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        return request.user.has_role(*(self.read if request.method in permissions.SAFE_METHODS else self.act))


class Pagination(pagination.PageNumberPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class JSONParser(parsers.JSONParser):
    """JSON that is nested beyond reason is the caller's error, not ours."""

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> Any:
        try:
            return super().parse(stream, *args, **kwargs)
        except RecursionError as error:
            raise exceptions.ParseError("JSON parse error - nested too deeply.") from error


class BadRequest(exceptions.ValidationError):
    """A 400 whose sentence names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__({field: [message]})


class JsonErrorsMiddleware(MiddlewareMixin):
    """Errors under /api/ from outside DRF are JSON too: unknown addresses, CSRF, crashes."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_error = response.status_code >= status.HTTP_400_BAD_REQUEST
        is_json = response.get("Content-Type", "").startswith("application/json")
        if not is_error or is_json or not request.path.startswith(API_PREFIX):
            return response
        code, message = OUTSIDE_DRF.get(response.status_code, ("error", response.reason_phrase))
        answer = error_response(request, code, message, response.status_code)
        if wait := response.get("Retry-After"):
            answer["Retry-After"] = wait
        return answer


OUTSIDE_DRF = {
    status.HTTP_400_BAD_REQUEST: (
        "bad_request",
        "The request could not be read. Check its address and body.",
    ),
    status.HTTP_403_FORBIDDEN: ("permission_denied", "You may not do this. Reload the page and try again."),
    status.HTTP_404_NOT_FOUND: ("not_found", "Nothing is at this address. The known ones are at /api/docs/."),
    status.HTTP_405_METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take this method."),
    status.HTTP_500_INTERNAL_SERVER_ERROR: (
        "server_error",
        "Something failed on our side and was logged. Try again, or report the X-Request-Id header.",
    ),
    status.HTTP_503_SERVICE_UNAVAILABLE: (
        "unavailable",
        "The database does not answer at the moment. Try again in a few seconds.",
    ),
}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn every API error into one of the two shapes; a crash is left to Django's log and the middleware."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(str(exc) or None)
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied(str(exc) or None)
    elif isinstance(exc, Refused):
        fields = {exc.field: [str(exc)]} if exc.field else {}
        body = error_body(context["request"].path, exc.code, exc.sentence, fields)
        return Response(body, status=exc.http_status)
    elif not isinstance(exc, exceptions.APIException):
        return None
    body = error_body(context["request"].path, *describe(exc))
    return Response(body, status=exc.status_code, headers=error_headers(exc))


def error_headers(exc: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return headers


def error_body(
    path: str, code: str, message: str, fields: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    fields = fields or {}
    if FLAT_ERRORS.match(path):
        return {"success": False, "error": message, "code": code, "fields": fields}
    return {"error": {"code": code, "message": message, "fields": fields}}


def error_response(
    request: HttpRequest | Request,
    code: str,
    message: str,
    http_status: int = status.HTTP_400_BAD_REQUEST,
    fields: dict[str, list[str]] | None = None,
) -> JsonResponse:
    """An error from outside DRF's handling: middleware, plain views, 404 of an unknown address."""
    return JsonResponse(error_body(request.path, code, message, fields), status=http_status)


def describe(exc: exceptions.APIException) -> tuple[str, str, dict[str, list[str]]]:
    """The code, one sentence with its cure, and the messages per field of an API exception."""
    if isinstance(exc, exceptions.ValidationError):
        fields = field_messages(exc.detail)
        field, messages = next(iter(fields.items()), ("", ["The request is not valid."]))
        message = messages[0] if field in ("", "non_field_errors") else f"{field}: {messages[0]}"
        return "invalid", message, fields
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    message = str(exc.detail)
    if message == str(exc.default_detail) or code == "unsupported_media_type":
        message = f"{message} {CURES.get(code, '')}".strip()
    return code, message, {}


def field_messages(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Flatten nested validation details to {"field.sub": ["message"]}."""
    if isinstance(detail, dict):
        children = list(detail.items())
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        children = list(enumerate(detail))
    else:
        messages = detail if isinstance(detail, list) else [detail]
        return {prefix or "non_field_errors": [str(message) for message in messages]} if messages else {}
    found: dict[str, list[str]] = {}
    for key, value in children:
        found |= field_messages(value, f"{prefix}.{key}" if prefix else str(key))
    return found

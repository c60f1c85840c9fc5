"""What every JSON endpoint shares: the two error shapes, paging, and who may ask."""

import re
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, pagination, permissions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_exception_handler

# Addresses whose callers expect {"success": false, "error": "…"}; all others get {"error": {…}}.
FLAT_ERRORS = re.compile(r"^/api/(masterdata/tracking/|driver|eic/)")


class isAuthenticatedCustom(permissions.IsAuthenticated):
    """A valid login is needed; without one the answer is 401."""


class HasRole(isAuthenticatedCustom):
    """Subclass with `read` and `act`: the roles that may look and that may change."""

    read: tuple[str, ...] = ()
    act: tuple[str, ...] = ()

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        needed = self.read if request.method in permissions.SAFE_METHODS else self.act
        return bool(request.user.has_role(*needed))


class Pagination(pagination.PageNumberPagination):
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class BadRequest(exceptions.ValidationError):
    """A 400 whose sentence names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__({field: [message]})


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn every API error into one of the two shapes."""
    response = drf_exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, Http404):
        exc = exceptions.NotFound(str(exc) or None)
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    assert isinstance(exc, exceptions.APIException)
    code, message, fields = describe(exc)
    response.data = error_body(context["request"].path, code, message, fields)
    return response


def error_body(path: str, code: str, message: str, fields: dict[str, list[str]] | None = None) -> dict[str, Any]:
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
    """The code, one sentence and the messages per field of an API exception."""
    if isinstance(exc, exceptions.ValidationError):
        fields = field_messages(exc.detail)
        field, messages = next(iter(fields.items()), ("", ["The request is not valid."]))
        message = messages[0] if field in ("", "non_field_errors") else f"{field}: {messages[0]}"
        return "invalid", message, fields
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    return code, str(exc.detail), {}


def field_messages(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Flatten nested validation details to {"field.sub": ["message"]}."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            found |= field_messages(value, f"{prefix}.{key}" if prefix else str(key))
        return found
    if isinstance(detail, list):
        if any(isinstance(item, dict | list) for item in detail):
            found = {}
            for index, item in enumerate(detail):
                found |= field_messages(item, f"{prefix}.{index}" if prefix else str(index)) if item else {}
            return found
        return {prefix or "non_field_errors": [str(item) for item in detail]} if detail else {}
    return {prefix or "non_field_errors": [str(detail)]}

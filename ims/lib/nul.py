"""A NUL has no place in an address: no form sends one, and PostgreSQL holds none in a text."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin


class RefuseNulMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path_info:
            raise BadRequest("There is a NUL in the address.")

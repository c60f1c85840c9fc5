"""What makes something, and may be sent twice, makes it once.

    @once                                              # a page: its form holds {% send_once %}
    def new(request): …

    @extend_schema(request=NewTrip, …)
    @idempotent                                        # REST: the caller sends Idempotency-Key
    def create(self, request): …                       # (above @action, which forgets the schema below it)

The sender names each thing that he wants by a key of its own. The key is kept in the transaction that makes
the thing, so of two at once the second waits for the first, and is given its answer; what was refused, or
died half-way, leaves no key and can be sent again. Without a key nothing is remembered.

A repeated request passes the view's permission classes before it is answered, but not the rules about objects
within the method: who was let in then is told again what he was told.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ims.lib.pruning import delete_created_before
from ims.submissions.models import Submission

FIELD = "send_once"  # of a form
HEADER = "Idempotency-Key"  # of a request, as in the IETF draft of that name
REPLAYED = "Idempotent-Replayed"  # of an answer that was given before
KEPT = timedelta(days=1)  # longer than anybody repeats a request that got no answer
NOT_CONTENT = {FIELD, "csrfmiddlewaretoken"}

View = Callable[..., HttpResponse]


class OtherContent(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "key_reused"
    default_detail = f"{HEADER}: another body was sent with this key. Give each request a new key."


def once(view: View) -> View:
    """A page whose form makes something: pressed twice, the second press leads to what the first made."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.POST.get(FIELD, "")
        if not key:
            return view(request, *args, **kwargs)
        content = digest_of([*request.POST.lists(), *request.FILES.lists()])
        with transaction.atomic():
            known, is_new = remember(request, key, content)
            if is_new:
                return kept(known, view(request, *args, **kwargs))
        messages.info(request, _("It was sent already: nothing was done twice."))
        return redirect(known.answer)

    return answered


class Refused(HttpResponseRedirect):
    """Leads to a page that says why it was not done: the same form may be sent again."""


def kept(known: Submission, answer: HttpResponse) -> HttpResponse:
    """A form that leads on was done; one that is shown again was not."""
    if 300 <= answer.status_code < 400 and not isinstance(answer, Refused):
        known.status, known.answer = answer.status_code, answer["Location"]
        known.save()
    else:
        transaction.set_rollback(True)
    return answer


def idempotent(method: Callable[..., Response]) -> Callable[..., HttpResponse]:
    """A method of a REST view that makes something: repeated with its key, it gives its first answer again.

    Raises OtherContent.
    """

    @wraps(method)
    def answered(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get(HEADER, "")
        if not key:
            return method(self, request, *args, **kwargs)
        data = request.data
        content = digest_of(data.lists() if isinstance(data, QueryDict) else [("", [data])])
        with transaction.atomic():
            known, is_new = remember(request, key)
            if is_new:
                response = method(self, request, *args, **kwargs)
                known.content, known.status = content, response.status_code
                known.answer = JSONRenderer().render(response.data).decode()
                known.save()
                return response
        if known.content != content:
            raise OtherContent
        headers = {REPLAYED: "true"}
        return HttpResponse(known.answer, "application/json", known.status, headers=headers)

    described = extend_schema(
        parameters=[
            OpenApiParameter(
                HEADER,
                location=OpenApiParameter.HEADER,
                description="A key of your own for this request, e.g. a UUID: sent again within a day with "
                "the same body, it gives the first answer and makes nothing.",
            )
        ]
    )
    return described(answered)


def remember(request: HttpRequest | Request, key: str, *more: str) -> tuple[Submission, bool]:
    """The row of this person's key at this address, and whether it is new. Within a transaction."""
    names = sha256(repr((request.user.pk, request.get_full_path(), key, more)).encode())
    return Submission.objects.get_or_create(key=names.hexdigest())


def digest_of(fields: Iterable[tuple[str, list[Any]]]) -> str:
    """Of what was sent, its files included."""
    content = sha256()
    for name, values in fields:
        if name not in NOT_CONTENT:
            content.update(repr((name, len(values))).encode())
            for value in values:
                for piece in pieces_of(value):
                    content.update(piece)
    return content.hexdigest()


def pieces_of(value: Any) -> Iterator[bytes]:
    if not isinstance(value, UploadedFile):
        yield repr(value).encode()
        return
    yield repr((value.name, value.size)).encode()
    yield from value.chunks()
    value.seek(0)


def prune(at: datetime) -> int:
    """Forget what nobody sends again; returns how many."""
    return delete_created_before(at - KEPT, Submission.objects.all())

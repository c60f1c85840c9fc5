"""A middleware that answers 500 to the first requests, as a server in trouble does."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class FailFirst:
    times = 0  # set by the test

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if FailFirst.times:
            FailFirst.times -= 1
            return HttpResponse(status=500)
        return self.answer(request)

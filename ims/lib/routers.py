"""Addresses of view sets."""

from rest_framework.routers import SimpleRouter


class Router(SimpleRouter):
    """Every address answers with and without the final slash, as old callers need."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"

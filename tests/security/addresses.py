"""Every address that IMS answers, taken from the resolver itself, with the methods that it takes."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
SAFE = {"get"}
UNSAFE = {"post", "put", "patch", "delete"}


def every_address() -> dict[str, set[str]]:
    """As templates: {"/trips/{pk}/now/": {"get", "post"}}."""
    found: dict[str, set[str]] = defaultdict(set)
    for route, pattern in routes(get_resolver()):
        found[template(route)] |= methods(pattern.callback)
    return dict(sorted(found.items()))


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route, pattern


def template(route: str) -> str:
    """Without the syntax of paths and regular expressions; a last slash that may be left out is written."""
    named = PARAMETER.sub(lambda match: "{" + (match[1] or match[2]) + "}", route)
    return named.replace("^", "").replace("/?$", "/").replace("$", "").replace("\\.", ".")


def methods(view: Any) -> set[str]:
    """What the view may answer; a plain function is asked by GET and POST."""
    if actions := getattr(view, "actions", None):  # a REST view set
        return set(actions) & (SAFE | UNSAFE)
    if kind := getattr(view, "cls", None) or getattr(view, "view_class", None):
        return {each for each in SAFE | UNSAFE if hasattr(kind, each)}
    return {"get", "post"}


def fill(address: str, values: dict[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: str(values[match[1]]), address)

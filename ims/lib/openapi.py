"""What every operation may answer besides its own: the errors that all of them share, in the two shapes."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from ims.lib.api import FLAT_ERRORS

FIELDS = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}},
    "description": "The messages for each field of the request that was wrong.",
}
FACTS = {
    "code": {"type": "string", "description": "The kind of error, for programs."},
    "fields": FIELDS,
}
SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "properties": {
            "error": {
                "type": "object",
                "properties": {**FACTS, "message": {"type": "string", "description": "What to do about it."}},
                "required": ["code", "message", "fields"],
            }
        },
        "required": ["error"],
    },
    "FlatError": {
        "type": "object",
        "properties": {
            **FACTS,
            "success": {"type": "boolean", "enum": [False]},
            "error": {"type": "string", "description": "What to do about it."},
        },
        "required": ["success", "error", "code", "fields"],
    },
}
BAD_REQUEST, NO_LOGIN, NO_RIGHT, NOT_FOUND = "400", "401", "403", "404"
CONFLICT, WRONG_TYPE, KEY_REUSED, TOO_MANY = "409", "415", "422", "429"
MEANINGS = {
    BAD_REQUEST: "Something in the request is wrong; the message names the field and the cure.",
    NO_LOGIN: "No token, or one that has ended.",
    NO_RIGHT: "The role for it is missing.",
    NOT_FOUND: "It does not exist, or is not yours.",
    CONFLICT: "Its state does not allow this now; the message says why.",
    WRONG_TYPE: "The body has another content type than those listed.",
    KEY_REUSED: "Another body was sent with this Idempotency-Key; give each request a new one.",
    TOO_MANY: "Too many requests; Retry-After says when to come back.",
}


def page_of(item: type[serializers.Serializer[Any]], *, counted: bool = True) -> serializers.Serializer[Any]:
    """The shape of a list that a plain view answers; a list by cursor has no count."""
    fields: dict[str, Any] = {"count": serializers.IntegerField()} if counted else {}
    fields["next"] = serializers.CharField(allow_null=True)
    fields["previous"] = serializers.CharField(allow_null=True)
    fields["results"] = item(many=True)
    name = f"{item.__name__.removesuffix('Serializer')}Page"
    page: serializers.Serializer[Any] = inline_serializer(name, fields)
    return page


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: add the shared errors to each operation of the schema."""
    result["components"]["schemas"].update(SCHEMAS)
    for path, operations in result["paths"].items():
        name = "FlatError" if FLAT_ERRORS.match(path) else "Error"
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for method, operation in operations.items():
            responses = operation["responses"]
            for status in sorted(
                shared_by(path, method, operation) | {each for each in responses if each >= "400"}
            ):
                told = responses.setdefault(status, {"description": MEANINGS.get(status, "")})
                told.setdefault("content", content)
    return result


def shared_by(path: str, method: str, operation: dict[str, Any]) -> set[str]:
    """The statuses that this operation may always answer."""
    found = {TOO_MANY}
    parameters = operation.get("parameters", [])
    if any(each["in"] == "header" for each in parameters):  # the only one is Idempotency-Key
        found |= {KEY_REUSED}
    if operation.get("security", [{}]) != [{}]:
        found |= {NO_LOGIN, NO_RIGHT}
    is_list = any(each["in"] == "query" for each in parameters)
    if "{" in path or is_list:  # a page beyond the last is not found either
        found |= {NOT_FOUND}
    if "{" in path and method != "get":
        found |= {CONFLICT}
    if "requestBody" in operation or parameters:
        found |= {BAD_REQUEST}
    if "requestBody" in operation:
        found |= {WRONG_TYPE}
    return found

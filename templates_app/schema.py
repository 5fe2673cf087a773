"""What the OpenAPI schema says of templates: their values, and the headers of their routes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from templates_app.values import INT64, MAX_DEPTH, MAX_TEXT_LENGTH
from templatesvc.idempotency import LONGEST_KEY

# --- Values --------------------------------------------------------------------------------------

KEY_PATTERN = r"^([^$.\u0000][^.\u0000]*)?$"


class TemplateFieldExtension(OpenApiSerializerFieldExtension):
    """A text or an object, as ``values.check_template`` has it."""

    target_class = "templates_app.serializers.TemplateField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_LENGTH}
        return {"oneOf": [text, _values(auto_schema)["JSONObject"]]}


class StoredValueFieldExtension(OpenApiSerializerFieldExtension):
    """Any value, as ``values.check_value`` has it."""

    target_class = "templates_app.serializers.StoredValueField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return _values(auto_schema)["JSONValue"]


def _values(auto_schema: Any) -> dict[str, dict[str, Any]]:
    """Return references to the components JSONValue and JSONObject, of which each holds the other.

    A schema can't say how deep they may be nested; their descriptions do.
    """
    value, members = (
        ResolvedComponent(name, ResolvedComponent.SCHEMA, object=name)
        for name in ("JSONValue", "JSONObject")
    )
    value.schema = {
        "description": "Any JSON value; an integer fits 64 bits.",
        "anyOf": [
            {"type": ["string", "boolean", "null"]},
            {"type": "integer", "minimum": INT64.start, "maximum": INT64.stop - 1},
            {"type": "number", "format": "double"},
            {"type": "array", "items": value.ref},
            members.ref,
        ],
    }
    members.schema = {
        "description": f"At most {MAX_DEPTH} levels deep, and 1 MiB of BSON.",
        "type": "object",
        "propertyNames": {"pattern": KEY_PATTERN},
        "additionalProperties": value.ref,
    }
    for component in (value, members):
        auto_schema.registry.register_on_missing(component)
    return {"JSONValue": value.ref, "JSONObject": members.ref}


# --- Headers -------------------------------------------------------------------------------------


def _request_header(name: str, description: str, pattern: str | None = None) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=description, pattern=pattern
    )


def _answer_header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description=description,
        response=list(statuses),
    )


ETAG = _answer_header("ETag", "The state of the template, strongly: for `If-Match`.", 200, 201, 304)
CONDITIONS = [
    _request_header(
        "If-Match",
        "Do it only if the template has one of these entity tags, with commas between; `*`: if "
        "it is there. Weak ones (`W/…`) equal none (RFC 9110, section 13.1.1).",
    ),
    _request_header(
        "If-None-Match",
        "Do it only if the template has none of these entity tags, with commas between; `*`: if "
        "it is not there. `GET` answers 304 otherwise (RFC 9110, section 13.1.2).",
    ),
    ETAG,
]
IDEMPOTENCY = [
    _request_header(
        "Idempotency-Key",
        f"Up to {LONGEST_KEY} characters of your own, such as a UUID: the request is carried out "
        "once, however often it is sent with this key within a day, and the first answer is "
        "given again. Another request with the same key is refused.",
        rf"^[!-~]([ -~]{{0,{LONGEST_KEY - 2}}}[!-~])?$",
    ),
    _answer_header(
        "Idempotency-Replayed", "`true` if the answer is that of an earlier request.", 200, 201
    ),
]
LOCATION = _answer_header("Location", "Where the template is.", 201)
LINK = _answer_header("Link", "`next` and `previous`, as in the body (RFC 8288).", 200)
FILE_NAME = _answer_header("Content-Disposition", "A name for the file.", 200)
NUMBER = OpenApiParameter(
    "number",
    {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
    OpenApiParameter.PATH,
    description="Of a version, as the list of versions has it.",
)
ID = OpenApiParameter(
    "id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="Of a template, as lists have it.",
    pattern="^[0-9a-f]{24}$",
)

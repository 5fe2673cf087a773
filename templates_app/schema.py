"""What the OpenAPI schema says of templates: their values, and the headers of their routes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from templates_app.values import MAX_DEPTH, MAX_OBJECT_SIZE, MAX_TEXT_LENGTH, MAX_VERSION
from templatesvc.api.idempotency import LONGEST_KEY

# --- Values --------------------------------------------------------------------------------------

# Of what is inside a value a recursive schema could say more, which generators of clients refuse.
LIMITS = (
    "Also inside it a key may not start with `$` nor hold `.` or NUL, and an integer fits 64 bits; "
    f"it is at most {MAX_DEPTH} levels deep and {MAX_OBJECT_SIZE:,} bytes of BSON."
)
# Without a type, because what generators make of a text or an object (oneOf, anyOf, a list of
# types) loses objects without a word in TypeScript and Kotlin, or does not compile in Java and Go;
# with additionalProperties they can't send a text.
ANY_VALUE = {"description": f"Any JSON value. {LIMITS}"}
TEXT_OR_OBJECT = {
    "description": f"A text of 1 to {MAX_TEXT_LENGTH:,} characters, or an object. {LIMITS}",
    "not": {"anyOf": [{"type": kind} for kind in ("null", "boolean", "number", "array")]},
    "minLength": 1,
    "maxLength": MAX_TEXT_LENGTH,
    "propertyNames": {"pattern": r"^([^$.\u0000][^.\u0000]*)?$"},
}


class TemplateFieldExtension(OpenApiSerializerFieldExtension):
    """A text or an object, as ``values.check_template`` has it."""

    target_class = "templates_app.serializers.TemplateField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(TEXT_OR_OBJECT)


class PatchFieldExtension(TemplateFieldExtension):
    """What a template can come out of: a text, or an object of which null removes members."""

    target_class = "templates_app.serializers.PatchField"


class StoredValueFieldExtension(OpenApiSerializerFieldExtension):
    """Any value, as ``values.check_value`` has it."""

    target_class = "templates_app.serializers.StoredValueField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(ANY_VALUE)


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
        "Only if the template has one of these entity tags, separated by commas; `*`: if it "
        "exists (RFC 9110, section 13.1.1). The weak form of a tag (`W/…`), which a proxy that "
        "compresses makes, counts as the tag.",
    ),
    _request_header(
        "If-None-Match",
        "Only if the template has none of these entity tags, separated by commas; `*`: if it does "
        "not exist. Otherwise `GET` answers 304 (RFC 9110, section 13.1.2).",
    ),
    ETAG,
]
IDEMPOTENCY = [
    _request_header(
        "Idempotency-Key",
        f"Up to {LONGEST_KEY} characters of your own, such as a UUID: the request is carried out "
        "once, however often it is sent with this key within a day, and repetitions get the first "
        "answer again. Another request with the same key is refused.",
        # Bare, or a quoted string of structured fields (RFC 8941, section 3.3.3).
        rf"^([!#-~]([ -~]{{0,{LONGEST_KEY - 2}}}[!-~])?"
        rf'|"([ !#-\[\]-~]|\\["\\]){{1,{LONGEST_KEY}}}")$',
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
    {"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_VERSION},
    OpenApiParameter.PATH,
    description="The number of a version, as in the list of versions.",
)
ID = OpenApiParameter(
    "id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The id of a template, as in lists.",
    pattern="^[0-9a-f]{24}$",
)

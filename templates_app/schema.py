"""What the OpenAPI schema says of a template's value."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

from templates_app.values import MAX_TEXT_LENGTH
from templatesvc.mongo.values import MAX_DEPTH, MAX_OBJECT_SIZE

# A recursive schema could describe inner values, but generators of clients refuse that.
LIMITS = (
    "Also inside it a key may not start with `$` nor hold `.` or NUL, and an integer fits 64 bits; "
    f"it is at most {MAX_DEPTH} levels deep and {MAX_OBJECT_SIZE:,} bytes of BSON."
)
# Without a type: for oneOf, anyOf or a list of types, generators of clients make code that silently
# loses objects (TypeScript, Kotlin) or does not compile (Java, Go), and with additionalProperties
# clients can't send a text. The lengths are under "not", because without a type they break C#, and
# Ruby applies them to objects.
TEXT_OR_OBJECT = {
    "description": f"A text of 1 to {MAX_TEXT_LENGTH:,} characters, or an object. {LIMITS}",
    "not": {
        "anyOf": [
            *({"type": kind} for kind in ("null", "boolean", "number", "array")),
            {"const": ""},
            {"type": "string", "minLength": MAX_TEXT_LENGTH + 1},
        ]
    },
    "propertyNames": {"pattern": r"^([^$.\u0000][^.\u0000]*)?$"},
}


class TemplateFieldExtension(OpenApiSerializerFieldExtension):
    """A text or an object, as ``values.check_template`` has it."""

    target_class = "templates_app.serializers.TemplateField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(TEXT_OR_OBJECT)

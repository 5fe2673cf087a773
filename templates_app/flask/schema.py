"""The schema of a value that the Flask service may have stored."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

from templates_app.schema import LIMITS


class StoredValueFieldExtension(OpenApiSerializerFieldExtension):
    """Any value, as ``values.check_value`` has it."""

    target_class = "templates_app.flask.serializers.StoredValueField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"description": f"Any JSON value. {LIMITS}"}

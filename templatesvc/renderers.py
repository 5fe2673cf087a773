"""Writing answers: JSON, fast."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework import renderers
from rest_framework.utils.encoders import JSONEncoder


def _encode_foreign(value: Any) -> Any:
    """Encode what the Flask service or somebody's script may have stored beside JSON's types."""
    try:
        return JSONEncoder().default(value)
    except (TypeError, ValueError):
        return str(value)


class JSONRenderer(renderers.JSONRenderer):
    """JSON in UTF-8; a number that is not finite is written as null, because JSON has no other."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: dict[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        indented = self.get_indent(accepted_media_type or "", renderer_context or {})
        option = orjson.OPT_INDENT_2 if indented else 0
        return orjson.dumps(data, default=_encode_foreign, option=option)

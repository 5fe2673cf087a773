"""Reading merge patches and NDJSON."""

from __future__ import annotations

from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from templatesvc.api.exceptions import PayloadTooLarge
from templatesvc.api.parsers import JSONParser, bounded


class MergePatchParser(JSONParser):
    """A JSON merge patch (RFC 7396), which only PATCH takes."""

    media_type = "application/merge-patch+json"
    methods = ("PATCH",)

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the patch; raises UnsupportedMediaType (415)."""
        if parser_context and parser_context["request"].method not in self.methods:
            raise UnsupportedMediaType(self.media_type)
        return super().parse(stream, media_type, parser_context)


class NDJSONParser(BaseParser):
    """Lines of JSON, left as they are: each is read, and may fail, on its own."""

    media_type = "application/x-ndjson"
    # The answer tells of each line.
    max_lines = 50_000

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> bytes:
        """Return the body; raises PayloadTooLarge (413)."""
        body = bounded(stream, settings.MAX_IMPORT_SIZE)
        if body.count(b"\n") + body.count(b"\r") > self.max_lines:
            raise PayloadTooLarge(f"Send at most {self.max_lines:,} lines at a time.")
        return body


def merged(target: Any, patch: Any) -> Any:
    """Return the target with the patch merged into it (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result

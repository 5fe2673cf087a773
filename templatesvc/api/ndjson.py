"""NDJSON: one JSON object a line."""

from __future__ import annotations

from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from templatesvc.api.exceptions import PayloadTooLarge
from templatesvc.api.parsers import bounded
from templatesvc.api.renderers import JSONRenderer

NDJSON = "application/x-ndjson"


class NDJSONParser(BaseParser):
    """Lines of JSON, left as they are: each is read, and may fail, on its own."""

    media_type = NDJSON
    takes_file = True  # a page has a field for one
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


class NDJSONRenderer(JSONRenderer):
    """Lets a client ask for NDJSON. The export streams its lines itself; errors are JSON."""

    media_type = NDJSON
    format = "ndjson"

"""Writing NDJSON."""

from __future__ import annotations

from templatesvc.api.renderers import JSONRenderer


class NDJSONRenderer(JSONRenderer):
    """Lets a client ask for NDJSON. The export streams its lines itself; errors are JSON."""

    media_type = "application/x-ndjson"
    format = "ndjson"

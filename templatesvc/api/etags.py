"""Entity tags (RFC 9110, section 8.8.3), and what compressing makes of them."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

CODED = re.compile(r'(?:W/)?"([^"]*?)(?:--?(?:gzip|br|zstd|deflate))?"')


def uncoded(tags: str) -> str:
    """Return tags of ours as they were before somebody compressed what they are of.

    A proxy makes ``"1-ab"`` into ``W/"1-ab"``, ``"1-ab-gzip"`` or ``"1-ab--gzip"``, because its
    bytes are others. Ours say what was written, not in which bytes, so each of these
    means the same.
    """
    return CODED.sub(r'"\1"', tags)


def name_as_asked(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give a 304 the form of its tag that the client has: of what it keeps under another form
    it would not believe that it stands (RFC 9111, section 4.3.4).
    """
    weak = f"W/{response.headers.get('ETag', '')}"
    if weak in request.headers.get("If-None-Match", ""):
        response.headers["ETag"] = weak

"""Entity tags (RFC 9110, section 8.8.3), and how compression changes them."""

from __future__ import annotations

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase

CODED = re.compile(r'(?:W/)?"([^"]*?)(?:--?(?:gzip|br|zstd|deflate))?"')


def uncoded(tags: str) -> str:
    """Return our tags as they were before somebody compressed the answers.

    A proxy that compresses turns ``"1-ab"`` into ``W/"1-ab"``, ``"1-ab-gzip"`` or ``"1-ab--gzip"``,
    because it sends other bytes. Our tags stand for the content and not for its bytes, so all of
    these mean the same.
    """
    return CODED.sub(r'"\1"', tags)


def name_as_asked(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give a 304 its tag in the form that the client sent.

    A client that keeps an answer under another form would not take it for fresh (RFC 9111,
    section 4.3.4).
    """
    weak = f"W/{response.headers.get('ETag', '')}"
    if weak in request.headers.get("If-None-Match", ""):
        response.headers["ETag"] = weak

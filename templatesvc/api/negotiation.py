"""In which form a request is answered, and in which forms its body is taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# application/vnd.api+json is JSON too (RFC 6839).
JSON_TYPE = re.compile(r"application/(.+\+)?json")
# Media types that only pages use.
PAGE_TYPES = {"text/html", "application/x-www-form-urlencoded", "multipart/form-data"}


def types_taken(parsers: Iterable[Any], method: str) -> list[str]:
    """Return the media types of the bodies that a method takes from programs."""
    return [
        parser.media_type
        for parser in parsers
        if method in getattr(parser, "methods", (method,)) and parser.media_type not in PAGE_TYPES
    ]


def media_type_of(request: Request) -> str:
    """Return the media type of a request's body, without parameters such as the charset."""
    content_type: str = request.content_type
    return content_type.partition(";")[0].strip().lower()


class ContentNegotiation(DefaultContentNegotiation):
    """DRF's, without its search where a client takes anything, as most programs do."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        takes_anything = request.META.get("HTTP_ACCEPT", "*/*") == "*/*"
        is_named = format_suffix or self.settings.URL_FORMAT_OVERRIDE in request.query_params
        if takes_anything and not is_named:
            return renderers[0], renderers[0].media_type
        chosen: tuple[BaseRenderer, str] = super().select_renderer(
            request, renderers, format_suffix
        )
        return chosen


class OnlyJSON(BaseContentNegotiation):
    """Answers in the first renderer, whatever a client accepts; takes what has a type of JSON."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser:
        """Return the parser of JSON; raises UnsupportedMediaType (415)."""
        media_type = media_type_of(request)
        if not JSON_TYPE.fullmatch(media_type):
            came = f"came as {media_type}" if media_type else "came without a Content-Type"
            raise UnsupportedMediaType(
                media_type, f"The body {came}. Send JSON with Content-Type: application/json."
            )
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type

"""Compressed answers (RFC 9110, section 8.4) for clients that accept gzip, where it is worth it."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

from templatesvc.api import etags

WORTH_IT = 1400  # bytes: anything smaller fits one packet anyway
TAKEN = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.I)


def takes_gzip(request: HttpRequest) -> bool:
    return TAKEN.search(request.headers.get("Accept-Encoding", "")) is not None


class CompressionMiddleware(GZipMiddleware):
    """Django's, which adds a random length to what it compresses, so that the length tells little.

    If an answer contains a secret and something that a stranger chose, the compressed length helps
    the stranger to find out the secret (BREACH). Tokens are only in answers to POST, which are not
    compressed, and the CSRF token of a page changes each time.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            etags.name_as_asked(request, response)
        if request.method not in ("GET", "HEAD"):
            return response
        # Whatever the size: a 304 varies by the same as its 200 (RFC 9110, section 15.4.5).
        patch_vary_headers(response, ["Accept-Encoding"])
        is_small = not response.streaming and len(response.content) < WORTH_IT
        if not is_small and takes_gzip(request):
            request.META["HTTP_ACCEPT_ENCODING"] = "gzip"  # the one way that Django knows
            response = super().process_response(request, response)
        return response

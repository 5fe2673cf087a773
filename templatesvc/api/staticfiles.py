"""The scripts and styles of pages: where they are, and how they are sent."""

from __future__ import annotations

import gzip
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from django.contrib.staticfiles import storage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

from templatesvc.api import etags
from templatesvc.api.compression import takes_gzip


class StaticFilesStorage(storage.StaticFilesStorage):
    """Django's, whose URLs begin with the prefix of the request that they are written for."""

    def url(self, name: str | None) -> str:
        return get_script_prefix().rstrip("/") + str(super().url(name))


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise's, which compresses each file once per process, when it is first asked for.

    WhiteNoise would need a step before the start, which somebody would forget. Files are looked for
    once per process as well, because tests make many handlers.
    """

    files: dict[str, Any]  # by their URLs
    found: ClassVar[dict[str, dict[str, Any]]] = {}  # for each prefix

    def __init__(self, get_response: Any = None) -> None:
        super().__init__(get_response)
        self._known: dict[str, bytes] = {}

    def add_files_from_finders(self) -> None:
        if self.static_prefix not in self.found:
            super().add_files_from_finders()
            self.found[self.static_prefix] = self.files
        self.files = self.found[self.static_prefix]

    def serve(self, static_file: Any, request: HttpRequest) -> HttpResponseBase:
        """Return a file, or a 304 if the client's copy is fresh."""
        if known := request.headers.get("If-None-Match"):
            request.META["HTTP_IF_NONE_MATCH"] = etags.uncoded(known)
        response: HttpResponseBase = super().serve(static_file, request)
        patch_vary_headers(response, ["Accept-Encoding"])
        etags.name_as_asked(request, response)
        if response.status_code == HTTPStatus.OK and takes_gzip(request):
            path = static_file.get_path_and_headers({})[0]
            if content := self.compressed(path):
                response["Content-Encoding"], response["ETag"] = "gzip", f"W/{response['ETag']}"
                response["Content-Length"] = str(len(content))
                response.streaming_content = [content] if request.method == "GET" else []
        return response

    def compressed(self, path: str) -> bytes:
        """Return a compressed file; empty if it gets no smaller, as for a picture."""
        if path not in self._known:
            content = Path(path).read_bytes()
            smaller = gzip.compress(content, mtime=0)
            self._known[path] = smaller if len(smaller) < len(content) else b""
        return self._known[path]

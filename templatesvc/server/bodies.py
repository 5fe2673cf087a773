"""Whole bodies for the application under any server: chunked ones are read, or refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from templatesvc.api import problems
from templatesvc.api.exceptions import LengthRequired, PayloadTooLarge

# The key in a request's environ for the APIException that says why its body was not read.
REFUSED = "templatesvc.body_refused"
PIECE = 64 * 1024  # bytes


class WholeBodies:
    """A WSGI application that gives another one whole bodies, and sends none in answer to HEAD."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
            read_chunked(environ)
        response: Iterable[bytes] = self.application(environ, start_response)
        if environ["REQUEST_METHOD"] == "HEAD":
            response.close()  # type: ignore[attr-defined]
            return []
        return response


def read_chunked(environ: dict[str, Any]) -> None:
    """Read a body without a Content-Length, which Django would take for empty."""
    if not environ.get("wsgi.input_terminated"):
        # Nothing says where the body ends: reading could take the next request, or wait for it.
        environ[REFUSED] = LengthRequired()
        return
    source, size = environ["wsgi.input"], 0
    body = tempfile.SpooledTemporaryFile(PIECE)  # noqa: SIM115  # the request is read later
    while part := source.read(PIECE):
        body.write(part)
        size += len(part)
        if size > settings.MAX_SERVER_BODY_SIZE:
            environ[REFUSED] = PayloadTooLarge()
            return
    body.seek(0)
    environ["wsgi.input"] = body
    environ["CONTENT_LENGTH"] = str(size)


class BodyMiddleware:
    """Answers a request whose body could not be read, in the format of its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        """Answer before the view runs: half a body must change nothing."""
        refusal = request.META.get(REFUSED)
        return problems.answer(request, refusal) if refusal else None

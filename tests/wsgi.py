"""Requests as a WSGI server hands them over, so that a test sends what no client library would."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

from templatesvc.api.encoding import WSGIHandler


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@cache
def application() -> WSGIHandler:
    return WSGIHandler()


def environ(
    method: str, target: str, body: bytes = b"", content_type: str = "", **headers: str
) -> dict[str, Any]:
    """Return a request (PEP 3333); ``If_Match="…"`` is the header If-Match."""
    path, _, query = target.partition("?")
    given: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    given |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    setup_testing_defaults(given)
    return given


def answered(environ: dict[str, Any]) -> Answer:
    """Send a request to the service; an exception is raised as it would be in a server."""
    begun: list[Any] = []
    parts = application()(environ, lambda status, headers: begun.append((status, headers)))
    try:
        content = b"".join(parts)
    finally:
        parts.close()
    status, headers = begun[-1]
    return Answer(int(status[:3]), dict(headers), content)


def ask(method: str, target: str, *args: Any, **headers: str) -> Answer:
    return answered(environ(method, target, *args, **headers))

"""An application whose answers break off, for the tests of servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from templatesvc import wsgi  # noqa: F401  (sets Django up)
from templatesvc.server.threads import PIECE, ThreadedASGI


def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x" * PIECE
    if environ["PATH_INFO"] == "/cut":
        raise RuntimeError("the cursor is lost")


failing = ThreadedASGI(application, threads=2, largest_body=1024, body_timeout=1)

"""Answers that are sent as they are read, in constant memory, and never break off unnoticed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE = 64 * 1024  # bytes


class StreamTooLong(Exception):
    """A stream took longer than STREAM_LIFETIME."""


def streamed(
    content: Iterable[bytes], content_type: str, file_name: str = ""
) -> HttpResponse | StreamingHttpResponse:
    """Return an answer of any size; with a ``file_name`` it is downloaded.

    The first pieces are read now: an error in them becomes an error answer, and a short answer gets
    a Content-Length. If reading fails later, the server breaks the connection, so that nobody takes
    a part for the whole.
    """
    pieces = joined(content)
    first = list(islice(pieces, 2))
    headers = {"Content-Disposition": attachment(file_name)} if file_name else {}
    if len(first) < 2:
        return HttpResponse(b"".join(first), content_type, headers=headers)
    return StreamingHttpResponse(
        in_time(chain(first, pieces)), content_type=content_type, headers=headers
    )


def attachment(file_name: str) -> str:
    """Return the header for a download; people may have chosen the file's name."""
    name = re.sub(r'[\x00-\x1f\x7f-\x9f\\/:*?"<>|]', "_", file_name)
    stem, dot, kind = name.rpartition(".")
    # Short enough for any file system.
    return str(content_disposition_header(True, f"{stem[:60]}{dot}{kind}"))


def joined(content: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in pieces of about PIECE bytes."""
    parts: list[bytes] = []
    size = 0
    for part in content:
        parts.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def in_time(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces; raises StreamTooLong."""
    end = time.monotonic() + settings.STREAM_LIFETIME.total_seconds()
    for piece in pieces:
        if time.monotonic() > end:
            raise StreamTooLong("The stream took longer than STREAM_LIFETIME.")
        yield piece


def as_list(items: Iterable[bytes], line_break: bytes = b"") -> Iterator[bytes]:
    """Yield the pieces of a JSON list of items that are JSON, with a line break before each."""
    before = b"["
    for item in items:
        yield before + line_break + item
        before = b","
    yield b"[]" if before == b"[" else line_break + b"]"

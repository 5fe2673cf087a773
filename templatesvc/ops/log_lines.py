"""Log lines that strangers cause: one line for each event, of bounded length, at most a warning."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from templatesvc.api.streams import StreamTooLong

MAX_QUOTED_LENGTH = 500  # characters of a text that a line quotes
# Errors that the request caused: a traceback through Django would tell nothing.
OF_REQUESTS = (
    SuspiciousOperation,  # a foreign host, too many fields, too much data, …
    BadRequest,
    PermissionDenied,
    Http404,
    MultiPartParserError,
    UnreadablePostError,
    StreamTooLong,
)


class StrangersFilter(logging.Filter):
    """Removes tracebacks, line breaks and long texts from lines that a request caused."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], OF_REQUESTS):
            # The message may be Django's, and quote the request.
            record.msg, record.args = "%s", (record.getMessage(),)
            record.exc_info = record.exc_text = None
            if record.levelno > logging.WARNING:
                record.levelno, record.levelname = logging.WARNING, "WARNING"
        if isinstance(record.args, tuple):
            record.args = tuple(map(_quoted, record.args))
        return True


def _quoted(value: Any) -> Any:
    """Return a text on one line, and cut; any other value as it is."""
    if not isinstance(value, str):
        return value
    return printable(
        value if len(value) <= MAX_QUOTED_LENGTH else f"{value[: MAX_QUOTED_LENGTH - 1]}…"
    )


def printable(text: str) -> str:
    """Return a text with escapes in place of what would break a line or steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

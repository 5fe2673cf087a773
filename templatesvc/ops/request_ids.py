"""Request ids, which connect an answer with its log lines and audit entries."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

VALID = re.compile(r"[A-Za-z0-9._-]{1,128}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the current request; empty if there has been none."""
    return _current.get()


class RequestIDMiddleware:
    """Takes the id from ``X-Request-ID``, which a proxy may send, or makes a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        id = given if VALID.fullmatch(given) else secrets.token_hex(8)
        # Never reset, because Django writes some lines after the middleware. The shipped server has
        # a context for each request; elsewhere the thread's next request replaces it.
        _current.set(id)
        response = self.get_response(request)
        response["X-Request-ID"] = id
        return response


class RequestIDFilter(logging.Filter):
    """Gives every log line the ``request_id``."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True

"""Deprecated routes: what their answers announce, and how often they are called."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.http import http_date


def announce(response: HttpResponseBase) -> None:
    """Say since when the route is deprecated (RFC 9745), and when it will be gone (RFC 8594)."""
    if since := settings.FLASK_DEPRECATION:
        response.headers["Deprecation"] = f"@{_seconds(since)}"
    if until := settings.FLASK_SUNSET:
        response.headers["Sunset"] = http_date(_seconds(until))


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def count(route: str) -> None:
    """Count a request for Prometheus, by the name of its route."""
    if settings.METRICS_TOKEN:
        _requests().labels(route).inc()


@cache
def _requests() -> Any:
    # Imported here, because it takes 2 MB of each worker.
    from prometheus_client import Counter

    return Counter("deprecated_requests", "Requests for routes that are to go.", ["route"])

"""Absolute URLs of routes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def url_of(route: str, request: HttpRequest, **arguments: Any) -> str:
    """Return the URL of a route by its name.

    DRF's own ``reverse`` would add the request's ``?format=``, which other routes don't have.
    """
    return request.build_absolute_uri(reverse(route, kwargs=arguments))

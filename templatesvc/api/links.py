"""Absolute URLs of routes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import get_script_prefix, get_urlconf, reverse


def url_of(route: str, request: HttpRequest, **arguments: Any) -> str:
    """Return the URL of a route by its name.

    DRF's own ``reverse`` would add the request's ``?format=``, which other routes don't have.
    """
    return request.build_absolute_uri(reverse(route, kwargs=arguments))


def url_with_placeholder(route: str, placeholder: str, request: HttpRequest) -> str:
    """Return the URL of a route to one document, with ``placeholder`` in place of its id."""
    return request.build_absolute_uri(_path(route, placeholder, get_script_prefix(), get_urlconf()))


@lru_cache(maxsize=64)
def _path(route: str, placeholder: str, prefix: str, urlconf: str | None) -> str:
    """Reverse a route, which depends on the path prefix and on the map of URLs as well."""
    return reverse(route, kwargs={"pk": placeholder})

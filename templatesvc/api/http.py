"""What HTTP (RFC 9110) asks of every answer, whichever view makes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException

from templatesvc.api import problems
from templatesvc.api.exceptions import HeadersTooLarge, URITooLong
from templatesvc.api.negotiation import types_taken

# Function views don't declare their methods. All of them are pages for operators.
OF_PAGES = ("get", "post")
# The most characters of a header or the URL under any server: gunicorn's own limit.
MAX_LENGTH = 8190
SLASHES = re.compile("//+")
WITHOUT_LENGTH = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def methods(view: Any) -> list[str]:
    """Return the methods that a view of the URL map answers, without HEAD and OPTIONS."""
    view_class = getattr(view, "cls", None) or getattr(view, "view_class", None)
    known = getattr(view, "actions", None) or (
        [name for name in view_class.http_method_names if hasattr(view_class, name)]
        if view_class
        else OF_PAGES
    )
    return [name.upper() for name in known if name not in ("head", "options")]


def allow(view: Any) -> str:
    """Return the ``Allow`` of a view (RFC 9110, section 10.2.1)."""
    named = methods(view)
    return ", ".join([*named, *(["HEAD"] if "GET" in named else []), "OPTIONS"])


def tell_patches(response: HttpResponseBase, view: Any) -> None:
    """Name the types of patches that a view takes, if it takes any (RFC 5789, section 3.1)."""
    own = getattr(view, "by_method", {}).get("PATCH", view)
    if "PATCH" in methods(own):
        parsers = own.initkwargs.get("parser_classes", own.cls.parser_classes)
        response.headers["Accept-Patch"] = ", ".join(types_taken(parsers, "PATCH"))


def _too_long(meta: dict[str, Any]) -> APIException | None:
    """Return the error for a URL or a header that is too long, if there is one."""
    if len(meta["PATH_INFO"]) + len(meta.get("QUERY_STRING", "")) > MAX_LENGTH:
        return URITooLong()
    for name, value in meta.items():
        if name.startswith("HTTP_") and len(value) > MAX_LENGTH:
            meta.pop("HTTP_ACCEPT", None)  # the form of the answer would depend on it
            return HeadersTooLarge()
    return None


class HTTPMiddleware:
    """Answers OPTIONS, merges slashes of paths, and refuses headers and URLs that are too long.

    A 415 to PATCH names the types that there are (RFC 5789, section 2.2).

    A path has two slashes if the client's base URL ends in one.

    OPTIONS needs no token, because browsers send none before a page of another site may. So it
    tells only what the schema tells everybody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if refusal := _too_long(request.META):
            return problems.answer(request, refusal)
        if "//" in request.path_info:
            request.path_info = SLASHES.sub("/", request.path_info)
            request.path = SLASHES.sub("/", request.path)
        response = self.get_response(request)
        if response.status_code in WITHOUT_LENGTH:
            # Sections 8.6 and 15.4.5: none for a 204, and for a 304 only that of the 200.
            del response["Content-Length"]
        is_unknown_kind = response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        if is_unknown_kind and request.method == "PATCH" and request.resolver_match:
            tell_patches(response, request.resolver_match.func)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer OPTIONS for any route; Django calls this once it knows which."""
        if request.method != "OPTIONS":
            return None
        response = HttpResponse(headers={"Allow": allow(view)})
        del response["Content-Type"]
        tell_patches(response, view)
        return response

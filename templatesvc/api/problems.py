"""The one place that turns errors into answers.

Under ``/api/v1/`` an error is a Problem Details object (RFC 9457) with a stable ``code`` and, for
each field at fault, an entry in ``errors``. A view that has an ``error_body`` makes its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import (
    APIException,
    NotFound,
    ParseError,
    PermissionDenied,
    ValidationError,
)
from rest_framework.response import Response
from rest_framework.utils.serializer_helpers import ReturnDict
from rest_framework.views import exception_handler as drf_exception_handler

from templatesvc.api.exceptions import CSRFFailed, translated
from templatesvc.api.problem_types import type_of
from templatesvc.api.renderers import JSONRenderer

PROBLEM_JSON = "application/problem+json"
# These keep an error below MAX_ERROR_SIZE, even if each character is written as six (\u0000).
MAX_ERRORS = 20
MAX_LENGTHS = {"field": 100, "message": 300, "detail": 2000}  # characters
# RFC 9110's names, of which Python before 3.13 has older ones for three.
PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",
    414: "URI Too Long",
    422: "Unprocessable Content",
}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an exception of a view; None for a bug of ours, which becomes a 500."""
    exc = translated(exc)
    response = drf_exception_handler(exc, context)
    if response is None or not isinstance(exc, APIException):
        return None
    error_body = getattr(context["view"], "error_body", problem)
    response.data = error_body(exc)
    if isinstance(exc.detail, ReturnDict):
        # With the serializer, a page shows each error beside its field.
        response.data = ReturnDict(response.data, serializer=exc.detail.serializer)
    accepted = getattr(context["request"], "accepted_renderer", None)
    is_page = accepted is not None and accepted.media_type == "text/html"
    if error_body is problem and not is_page:
        response.content_type = PROBLEM_JSON
    for name, value in getattr(exc, "headers", {}).items():
        response[name] = value
    # For pages: the body to show again, and whether a notice says the same as the error.
    response.unparsed = getattr(exc, "unparsed", None)
    response.is_noticed = getattr(exc, "is_noticed", False)
    return response


def problem(exc: APIException) -> dict[str, Any]:
    """Return the Problem Details of an error (RFC 9457, section 3)."""
    errors, _ = field_errors(exc)
    code = error_code(exc)
    body = {
        "type": type_of(code),
        "title": PHRASES[exc.status_code],
        "status": exc.status_code,
        "detail": message(exc),
        "code": code,
    }
    return body | {"errors": errors} if errors else body


def error_code(exc: APIException) -> str:
    """Return the stable name of an error, such as ``not_found``."""
    if isinstance(exc, ValidationError):  # which has a code for each field
        return ValidationError.default_code
    codes = exc.get_codes()
    if isinstance(codes, dict):  # SimpleJWT's errors carry a dict
        codes = codes.get("code", exc.default_code)
    return str(codes)


def message(exc: APIException) -> str:
    """Return what went wrong, in sentences for a person."""
    errors, more = field_errors(exc)
    if not errors:
        detail = exc.detail.get("detail") if isinstance(exc.detail, dict) else exc.detail
        return cut(str(detail), "detail")
    sentences = cut(
        " ".join(
            f"{error['field']}: {error['message']}" if error["field"] else error["message"]
            for error in errors
        ),
        "detail",
    )
    return f"{sentences} Errors that are not listed: {more:,}." if more else sentences


def field_errors(exc: APIException) -> tuple[list[dict[str, str]], int]:
    """Return the first errors of fields, and how many more there are.

    Each has a ``field`` (a dotted path, empty for the whole body), a ``message`` and a ``code``.
    """
    if not isinstance(exc, ValidationError):
        return [], 0
    found = _flattened(exc.detail, "")
    first = [
        error | {name: cut(error[name], name) for name in ("field", "message")}
        for error in islice(found, MAX_ERRORS)
    ]
    return first, sum(1 for _ in found)


def cut(text: str, name: str) -> str:
    """Return a text in valid Unicode, cut to the length of that part of an error."""
    text = text.encode(errors="backslashreplace").decode()  # it may quote what was sent
    return text if len(text) <= MAX_LENGTHS[name] else f"{text[: MAX_LENGTHS[name] - 1]}…"


def _flattened(detail: Any, path: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            at = path if name == "non_field_errors" else f"{path}.{name}".lstrip(".")
            yield from _flattened(inner, at)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flattened(inner, path)
    else:
        yield {"field": path, "message": str(detail), "code": getattr(detail, "code", "invalid")}


# Errors outside DRF's views; urls.py names these to Django.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refused as suspicious: 400, or 413 if its body is too large."""
    exc = translated(exception)
    if isinstance(exc, DisallowedHost):
        exc = ParseError("The Host header names none of ALLOWED_HOSTS: use one of their names.")
    if isinstance(exc, TooManyFieldsSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        exc = ParseError(f"The form or the query has more than {most:,} fields: send fewer.")
    return answer(request, exc if isinstance(exc, APIException) else ParseError("Bad request."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 for a PermissionDenied of a page."""
    return answer(request, PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 for a URL without a route, and for an Http404 of a page."""
    return answer(request, NotFound())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 for a form without a valid CSRF token; ``reason`` is Django's."""
    return answer(request, CSRFFailed(f"{reason} Go back, reload the page and try again."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 if the store was away outside DRF's views (sessions, pages), 500 otherwise."""
    exc = translated(sys.exc_info()[1])
    return answer(request, exc if isinstance(exc, APIException) else APIException())


def answer(request: HttpRequest, exc: APIException) -> HttpResponse:
    """Return an error in the format of its route, or as a page for a browser."""
    view = getattr(getattr(request.resolver_match, "func", None), "cls", None)
    error_body = getattr(view, "error_body", problem)
    body = error_body(exc)
    response: HttpResponse
    if error_body is not problem:
        response = _json(body, exc, JSONRenderer.media_type)
    elif request.get_preferred_type(["application/json", "text/html"]) == "text/html":
        # Only a 404 looks up the user: for other errors the store may be away.
        user = request.user if exc.status_code == NotFound.status_code else None
        page = loader.render_to_string("problem.html", {"problem": body, "user": user})
        response = HttpResponse(page, status=exc.status_code)
    else:
        response = _json(body, exc, PROBLEM_JSON)
    patch_vary_headers(response, ["Accept"])
    if wait := getattr(exc, "wait", None):
        response["Retry-After"] = str(wait)
    return response


def _json(body: Any, exc: APIException, content_type: str) -> HttpResponse:
    content = JSONRenderer().render(body)
    return HttpResponse(content, status=exc.status_code, content_type=content_type)

"""Our own errors, and the translation of other libraries' exceptions into errors of the API."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from bson.errors import InvalidDocument
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from mongoengine.errors import NotUniqueError
from mongoengine.errors import ValidationError as DocumentValidationError
from rest_framework import status
from rest_framework.exceptions import (
    APIException,
    NotFound,
    PermissionDenied,
    Throttled,
    ValidationError,
)

from templatesvc.mongo.errors import STORE_ERRORS, is_transient, message_of
from templatesvc.mongo.names import Names
from templatesvc.mongo.quota import OverQuota

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
# The most bytes of an error answer, however much is wrong with a request.
MAX_ERROR_SIZE = 64 * 1024
# The most bytes of rejected input that a page shows again to a person who is logged in: enough for
# the longest text.
MAX_REJECTED_SIZE = 128 * 1024


class Conflict(APIException):
    """409: a unique index or the present state of things forbids the change."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "It is there already."
    default_code = "conflict"


class AlreadyExists(Conflict):
    """409: the owner has a document like this already, of which there may be one."""

    default_detail = "You have {a} like this already."
    default_code = "already_exists"


class CSRFFailed(PermissionDenied):
    """403: a request with a browser's cookie lacks the CSRF token, or has a wrong one."""

    default_detail = "CSRF Failed: CSRF token missing."
    default_code = "csrf_failed"


class AnotherAccount(Conflict):
    """409: a page that was shown to one person sends what they typed as another."""

    default_detail = "You are logged in as somebody else than when you opened this page."
    default_code = "another_account"

    @classmethod
    def of(cls, before: str, now: str) -> Self:
        return cls(
            f"You opened this page as {before} and are logged in as {now} now, so nothing was "
            f"done. Press the button again to do it as {now}, or log in as {before} before you do."
        )


class QuotaExceeded(APIException):
    """403: the owner keeps as much as they may."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "You keep as much as you may."
    default_code = "quota_exceeded"
    advice = (
        "Delete what you don't need, and then empty the list of what is deleted: DELETE …/deleted."
    )

    def __init__(self, detail: str | None = None, wait: int = 0) -> None:
        soon = f" If you have just made room, try again in {wait} seconds." if wait else ""
        super().__init__(f"{detail or self.default_detail} {self.advice}{soon}")
        self.wait = wait  # DRF's handler writes it into Retry-After


class RequestTimeout(APIException):
    """408: the body did not come, or came too slowly."""

    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_detail = "The body did not arrive in time; send the request again."
    default_code = "request_timeout"


class LengthRequired(APIException):
    """411: the body has no Content-Length, and the server in use can't tell where it ends."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send the body with a Content-Length."
    default_code = "length_required"


class PayloadTooLarge(APIException):
    """413: the body has too many bytes, or an import too many lines."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than this service takes."
    default_code = "too_large"


class BodyNotKept(RequestDataTooBig):
    """A view reads a body that is kept only for those who are logged in; the text says so."""


class TryAgain(Throttled):
    """429, which says in how many seconds to try again."""

    extra_detail_singular = "Try again in {wait} second."
    extra_detail_plural = "Try again in {wait} seconds."


class TooManyBodies(TryAgain):
    """429: the large bodies that one client is sending take all the room that it may have."""

    default_detail = "You are sending too many large bodies at a time."
    default_code = "too_many_bodies"

    def __init__(self) -> None:
        super().__init__(RETRY_AFTER_SECONDS)


class URITooLong(APIException):
    """414: the URL is longer than any that this service makes."""

    status_code = status.HTTP_414_REQUEST_URI_TOO_LONG
    default_detail = "The URL is longer than this service takes."
    default_code = "uri_too_long"


class HeadersTooLarge(APIException):
    """431: a header is longer than this service takes."""

    status_code = status.HTTP_431_REQUEST_HEADER_FIELDS_TOO_LARGE
    default_detail = "A header is longer than this service takes."
    default_code = "headers_too_large"


class StoreUnavailable(APIException):
    """503: the database does not answer, or not in time, and may in a moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database does not answer; try again in a moment."
    default_code = "store_unavailable"
    wait = RETRY_AFTER_SECONDS  # DRF's handler writes it into Retry-After


@contextmanager
def conflict_as(error: type[Conflict], names: Names) -> Iterator[None]:
    """Raise an error (409), its text filled with names, if a write meets an existing document."""
    try:
        yield
    except NotUniqueError as there:
        raise error(names.fill(str(error.default_detail))) from there


def translated(exc: BaseException | None) -> Any:
    """Return the APIException for an exception of Django or a library, or the exception itself."""
    if isinstance(exc, NotUniqueError):
        return Conflict()
    if isinstance(exc, DocumentValidationError):
        return ValidationError(exc.to_dict() or str(exc))
    if isinstance(exc, InvalidDocument):
        return ValidationError(f"It can't be kept: {exc}")
    if isinstance(exc, OverQuota):
        return QuotaExceeded(str(exc), exc.wait)
    if isinstance(exc, STORE_ERRORS):
        if is_transient(exc):
            logger.error("The store failed: %s: %s", type(exc).__name__, message_of(exc))
            return StoreUnavailable()
        logger.error("The store refused what it can't do.", exc_info=exc)
        return APIException()
    if isinstance(exc, BodyNotKept):
        return PayloadTooLarge(str(exc))
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, DjangoPermissionDenied):
        return PermissionDenied()
    return exc

"""Errors: those of our own, and which of them a library's exception means."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from mongoengine.connection import ConnectionFailure as NotConnected
from mongoengine.errors import NotUniqueError, OperationError
from pymongo.errors import OperationFailure, PyMongoError
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, PermissionDenied

from templatesvc.embedded import EmbeddedStoreError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
LONGEST_MESSAGE = 500  # characters
# However much is wrong with a request, the answer has no more bytes: but a page keeps what somebody
# who is logged in typed, up to so many bytes, as the longest text has.
MAX_ERROR_SIZE = 64 * 1024
MAX_TYPED_SIZE = 128 * 1024
STORE_ERRORS = (PyMongoError, OperationError, NotConnected, EmbeddedStoreError)
# What a server answers while it starts, stops, hands over to another or is busy: the codes of
# MongoDB's specifications of retryable reads and writes, and those of locks and lost cursors.
PASSING_CODES = frozenset(
    [
        *(6, 7, 89, 9001),  # HostUnreachable, HostNotFound, NetworkTimeout, SocketException
        *(91, 11600),  # ShutdownInProgress, InterruptedAtShutdown
        *(189, 10058, 10107, 11602, 13435, 13436),  # of a server that is not the primary now
        *(50, 134, 202, 262),  # a time limit; ReadConcernMajorityNotAvailableYet
        *(24, 46, 112),  # LockTimeout, LockBusy, WriteConflict
        *(43, 175, 237),  # CursorNotFound, QueryPlanKilled, CursorKilled
    ]
)
PASSING_LABELS = ("RetryableWriteError", "RetryableError", "TransientTransactionError")


class Conflict(APIException):
    """409: a unique index or the present state of things forbids the change."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "It is there already."
    default_code = "conflict"


class CSRFFailed(PermissionDenied):
    """403: a request with a browser's cookie lacks the CSRF token, or has a wrong one."""

    default_detail = "CSRF Failed: CSRF token missing."
    default_code = "csrf_failed"


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


def said(error: BaseException) -> str:
    """Return what the store says, without the operation: that holds what was to be written."""
    error = _of_pymongo(error)
    details = getattr(error, "details", None) or {}
    refused = (details.get("writeErrors") or [details])[0]
    text: str = refused.get("errmsg") or str(error)
    return text[:LONGEST_MESSAGE]


def traced(error: BaseException) -> str:
    """Return the stack of a store's error and what the store says: a traceback would hold all."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return f"{stack}{type(error).__name__}: {said(error)}"


def may_pass(error: BaseException) -> bool:
    """Tell whether what failed may succeed in a moment, with nobody mending anything."""
    error = _of_pymongo(error)
    if not isinstance(error, OperationFailure):
        return not isinstance(error, OperationError)  # MongoEngine's own, of a wrong call
    details = error.details or {}
    parts = [*details.get("writeErrors", []), *details.get("writeConcernErrors", [])]
    codes = {error.code, *(part.get("code") for part in parts)}
    return (
        error.timeout
        or not PASSING_CODES.isdisjoint(codes)
        or any(map(error.has_error_label, PASSING_LABELS))
    )


def _of_pymongo(error: BaseException) -> BaseException:
    """Return the error of PyMongo that one of MongoEngine's was raised for, or else itself.

    Of what PyMongo's has as data MongoEngine makes a text.
    """
    cause = error.__context__
    is_copy = isinstance(error, OperationError) and isinstance(cause, PyMongoError)
    return cause if is_copy and cause else error


class StoreErrorFilter(logging.Filter):
    """Puts ``traced`` in the place of the traceback that Django logs with an error of the store."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info and record.exc_info[1]
        if isinstance(error, STORE_ERRORS):
            record.exc_text, record.exc_info = traced(error), None
        return True


def translated(exc: BaseException | None) -> Any:
    """Return the APIException that an exception of Django or a library means, or else itself."""
    if isinstance(exc, NotUniqueError):
        return Conflict()
    if isinstance(exc, STORE_ERRORS):
        if may_pass(exc):
            logger.error("The store failed: %s: %s", type(exc).__name__, said(exc))
            return StoreUnavailable()
        logger.error("The store refused what it can't do:\n%s", traced(exc))
        return APIException()
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, DjangoPermissionDenied):
        return PermissionDenied()
    return exc

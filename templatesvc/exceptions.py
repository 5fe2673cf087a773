"""Errors: those of our own, and which of them a library's exception means."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from mongoengine.connection import ConnectionFailure as NotConnected
from mongoengine.errors import NotUniqueError, OperationError
from pymongo.errors import PyMongoError
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, PermissionDenied

from templatesvc.embedded import EmbeddedStoreError

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
LONGEST_MESSAGE = 500  # characters
STORE_ERRORS = (PyMongoError, OperationError, NotConnected, EmbeddedStoreError)


class Conflict(APIException):
    """409: a unique index or the present state of things forbids the change."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "It is there already."
    default_code = "conflict"


class CSRFFailed(PermissionDenied):
    """403: a request with a browser's cookie lacks the CSRF token, or has a wrong one."""

    default_detail = "CSRF Failed: CSRF token missing."
    default_code = "csrf_failed"


class PayloadTooLarge(APIException):
    """413: the body has too many bytes, or an import too many lines."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than this service takes."
    default_code = "too_large"


class StoreUnavailable(APIException):
    """503: the database refused an operation or did not answer in time."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The database does not answer; try again in a moment."
    default_code = "store_unavailable"
    wait = RETRY_AFTER_SECONDS  # DRF's handler writes it into Retry-After


def said(error: BaseException) -> str:
    """Return what the store says, without the operation: that holds what was to be written."""
    details = getattr(error, "details", None) or {}
    refused = (details.get("writeErrors") or [details])[0]
    text: str = refused.get("errmsg") or str(error)
    return text[:LONGEST_MESSAGE]


def translated(exc: BaseException | None) -> Any:
    """Return the APIException that an exception of Django or a library means, or else itself."""
    if isinstance(exc, NotUniqueError):
        return Conflict()
    if isinstance(exc, STORE_ERRORS):
        logger.error("The store failed: %s: %s", type(exc).__name__, said(exc))
        return StoreUnavailable()
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, DjangoPermissionDenied):
        return PermissionDenied()
    return exc

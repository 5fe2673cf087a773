"""Errors of the store: which there are, what they say, and whether they may pass by themselves."""

from __future__ import annotations

import logging
import traceback

from mongoengine.connection import ConnectionFailure as NotConnected
from mongoengine.errors import OperationError
from pymongo.errors import OperationFailure, PyMongoError

from templatesvc.mongo.embedded import EmbeddedStoreError

LONGEST_MESSAGE = 500  # characters
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
DUPLICATE_KEY = 11000
PASSING_LABELS = ("RetryableWriteError", "RetryableError", "TransientTransactionError")


def said(error: BaseException) -> str:
    """Return the store's message without the operation, which holds the data to be written."""
    error = _of_pymongo(error)
    details = getattr(error, "details", None) or {}
    refused = (details.get("writeErrors") or [details])[0]
    text: str = refused.get("errmsg") or str(error)
    return text[:LONGEST_MESSAGE]


def traced(error: BaseException) -> str:
    """Return the stack and the message of a store's error: its traceback would hold the data."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return f"{stack}{type(error).__name__}: {said(error)}"


def may_pass(error: BaseException) -> bool:
    """Tell whether an operation that failed may succeed in a moment without any repair."""
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
    """Return PyMongo's error behind one of MongoEngine's, or the error itself.

    MongoEngine flattens the details of PyMongo's error into a text.
    """
    cause = error.__context__
    is_copy = isinstance(error, OperationError) and isinstance(cause, PyMongoError)
    return cause if is_copy and cause else error


class StoreErrorFilter(logging.Filter):
    """Replaces the traceback that Django logs with a store's error by what ``traced`` returns."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info and record.exc_info[1]
        if isinstance(error, STORE_ERRORS):
            record.exc_text, record.exc_info = traced(error), None
        return True

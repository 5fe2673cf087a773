"""Errors of the store: their classes, their messages without data, and which are transient."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from mongoengine.connection import ConnectionFailure as NotConnected
from mongoengine.errors import NotUniqueError, OperationError
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from templatesvc.mongo.embedded import EmbeddedStoreError

logger = logging.getLogger(__name__)

MAX_MESSAGE_LENGTH = 500  # characters
STORE_ERRORS = (PyMongoError, OperationError, NotConnected, EmbeddedStoreError)
# What a server answers while it starts, stops, hands over to another or is busy: the codes of
# MongoDB's specifications of retryable reads and writes, and those of locks and lost cursors.
TRANSIENT_CODES = frozenset(
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
TRANSIENT_LABELS = ("RetryableWriteError", "RetryableError", "TransientTransactionError")


def message_of(error: BaseException) -> str:
    """Return the store's message without the operation, which holds the data to be written."""
    error = _of_pymongo(error)
    details = getattr(error, "details", None) or {}
    refused = (details.get("writeErrors") or [details])[0]
    text: str = refused.get("errmsg") or str(error)
    return text[:MAX_MESSAGE_LENGTH]


def failing_of(error: BaseException) -> str:
    """Return what the store does: it does not answer, or refuses, with its message."""
    return f"{'does not answer' if is_transient(error) else 'refuses'}: {message_of(error)}"


def sentence_of(error: BaseException) -> str:
    """Return what somebody at a terminal is told of a store's error."""
    return f"The store {failing_of(error)} (manage.py doctor looks for the cause)"


def safe_traceback(error: BaseException) -> str:
    """Return the stack and the message of a store's error: its traceback would hold the data."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return f"{stack}{type(error).__name__}: {message_of(error)}"


def is_transient(error: BaseException) -> bool:
    """Tell whether an operation that failed may succeed in a moment without any repair."""
    error = _of_pymongo(error)
    if not isinstance(error, OperationFailure):
        return not isinstance(error, OperationError)  # MongoEngine's own, of a wrong call
    details = error.details or {}
    parts = [*details.get("writeErrors", []), *details.get("writeConcernErrors", [])]
    codes = {error.code, *(part.get("code") for part in parts)}
    return (
        error.timeout
        or not TRANSIENT_CODES.isdisjoint(codes)
        or any(map(error.has_error_label, TRANSIENT_LABELS))
    )


def duplicates_of(error: BulkWriteError) -> set[int]:
    """Return the indexes of the writes that a unique index refused; raise any other failure.

    One is that the members of a replica set did not confirm the writes: they may be lost.
    """
    failures = error.details["writeErrors"]
    is_other = any(failure["code"] != DUPLICATE_KEY for failure in failures)
    if is_other or error.details.get("writeConcernErrors"):
        raise error
    return {failure["index"] for failure in failures}


@contextmanager
def tidying_up(failure: str) -> Iterator[None]:
    """Do what can as well be done later: a transient error is logged as this failure."""
    try:
        yield
    except STORE_ERRORS as error:
        if not is_transient(error):
            raise
        logger.warning("%s: %s", failure, message_of(error))


@contextmanager
def not_unique() -> Iterator[None]:
    """Turn PyMongo's error of a duplicate key into MongoEngine's, for writes by PyMongo."""
    try:
        yield
    except DuplicateKeyError as error:
        raise NotUniqueError(str(error)) from error


def _of_pymongo(error: BaseException) -> BaseException:
    """Return PyMongo's error behind one of MongoEngine's, or the error itself.

    MongoEngine flattens the details of PyMongo's error into a text.
    """
    cause = error.__context__
    is_copy = isinstance(error, OperationError) and isinstance(cause, PyMongoError)
    return cause if is_copy and cause else error


class StoreErrorFilter(logging.Filter):
    """Replaces the traceback that Django logs with a store's error by its ``safe_traceback``."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info and record.exc_info[1]
        if isinstance(error, STORE_ERRORS):
            record.exc_text, record.exc_info = safe_traceback(error), None
        return True

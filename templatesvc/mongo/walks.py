"""Walking over everything that a query finds, in order: for lists, streams and exports.

One cursor returns everything in batches, so that a walk takes linear time on any server. However
slow the reader is, only a batch of about a mebibyte and one document are in memory. The time limit
is for a batch, not for the walk. If the cursor is lost, because the reader was slow or the server
changed, another one goes on after the last row.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import accumulate
from typing import Any, NamedTuple

import bson
import pymongo
from django.conf import settings
from mongoengine.queryset import QuerySet
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from templatesvc.mongo import store
from templatesvc.mongo.errors import is_transient
from templatesvc.mongo.keysets import Keys, Query, beyond, both

# Tells whether the BSON of one or several documents may contain one that is wanted.
MayFit = Callable[[bytes], bool]

# Documents in the first batch: a page of the usual size, and the one that tells of another page.
FIRST_BATCH = 21
# Documents in the first batch of a walk over everything, which fetches further batches anyway.
FIRST_OF_ALL = 11
# Bytes that a further batch is to have. A server sends at most 16 MB at a time.
BATCH_SIZE = 2**20
# Bytes that a further find is to give, where only so many documents are wanted.
FIND_SIZE = 2**24
MAX_BATCH = 2000
# Bytes of a batch that is decoded as a whole, which is faster, and takes some more memory.
DECODED_AT_ONCE = 2**16
SIZE = struct.Struct("<i")  # with which a document of BSON begins
PAUSE = 0.1  # seconds, before a lost cursor is opened once more


class BatchCut(Exception):
    """Only the beginning of a batch was kept: all of it would be too much for a slow reader."""


class Row(NamedTuple):
    """A document as it is stored, and how many bytes of BSON it has."""

    size: int
    document: dict[str, Any]


def walk(
    collection: Collection[dict[str, Any]],
    query: Query,
    order: Keys,
    limit: int = 0,
    projection: dict[str, int] | None = None,
    may_fit: MayFit | None = None,
) -> Iterator[Row]:
    """Yield at most ``limit`` rows of a query, all for 0, in an order that ends in a unique field.

    With ``may_fit``, for which ``limit`` has to be 0, a batch yields only the documents that may be
    wanted, and its last one, which tells how far the walk has come.

    Raises PyMongoError if the store fails before the first row, or has returned none for
    STREAM_SILENCE: then what was yielded is not all.
    """
    fields = [field for field, _ in order]
    rest, taken, size, at_once = query, 0, 0, min(limit, FIRST_BATCH)
    in_batch = FIRST_BATCH if limit else FIRST_OF_ALL
    found, last, failed_at = 0, None, None

    def noted(row: Row) -> Row:
        nonlocal found, size, last, failed_at
        found, size, failed_at = found + 1, size + row.size, None
        last = [*map(row.document.get, fields)]
        return row

    while True:
        found = 0
        try:
            # By map and not by a loop, whose variable would hold a row for a slow reader.
            batches = _batches(collection, rest, order, at_once, projection, in_batch)
            yield from map(noted, _rows(batches, may_fit))
            if found < at_once or not at_once:
                return
            # A server may read all that it is asked for before it returns anything.
            wanted = _fitting(taken + found, size, FIND_SIZE)
        except BatchCut:
            wanted, in_batch = at_once, _fitting(taken + found, size, BATCH_SIZE)
        except PyMongoError as error:
            wanted, failed_at = at_once, failed_at or time.monotonic()
            silence = time.monotonic() - failed_at
            if (
                last is None
                or not is_transient(error)
                or silence > settings.STREAM_SILENCE.total_seconds()
            ):
                raise
        taken += found
        if limit and taken == limit:
            return
        if failed_at:
            time.sleep(PAUSE)
        assert last is not None
        at_once = limit and min(wanted, limit - taken)
        rest = both(query, beyond(order, last))


def walk_by_id(found: QuerySet) -> Iterator[Any]:
    """Yield the documents of a MongoEngine query in the order of their ids."""
    rows = walk(found._collection, found._query, [("_id", pymongo.ASCENDING)])
    return map(found._document.of_row, rows)


def _rows(batches: Iterator[bytes], may_fit: MayFit | None) -> Iterator[Row]:
    for batch in batches:
        if may_fit is None and len(batch) <= DECODED_AT_ONCE:
            yield from map(Row, _sizes(batch), bson.decode_all(batch, store.CODEC))
            continue
        may_have_one = may_fit is None or may_fit(batch)
        start = 0
        for size in _sizes(batch):
            document, start = batch[start : start + size], start + size
            is_last = start == len(batch)
            if is_last or (may_have_one and (may_fit is None or may_fit(document))):
                yield Row(size, bson.decode(document, store.CODEC))


def _batches(
    collection: Collection[dict[str, Any]],
    query: Query,
    order: Keys,
    limit: int,
    projection: dict[str, int] | None,
    in_batch: int,
) -> Iterator[bytes]:
    """Yield batches of BSON, which take less memory than decoded documents.

    The first batch has ``in_batch`` documents, and each further one as many as fit BATCH_SIZE. If a
    batch has more than twice that size, its beginning is yielded and BatchCut raised, because a
    cursor can't go back to the rest.
    """
    if store.is_in_memory(settings.MONGODB_URI):  # mongomock has no raw batches
        yield from map(bson.encode, collection.find(query, projection, sort=order, limit=limit))
        return
    cursor = collection.find_raw_batches(
        query, projection, sort=order, limit=limit, batch_size=in_batch
    )
    with closing(cursor):
        while True:
            with pymongo.timeout(settings.STREAM_SILENCE.total_seconds()):
                batch: Any = next(cursor, b"")
            if not batch:
                return
            if cursor.alive:
                # The protocol takes a size with each batch. PyMongo has a method for it, but lets
                # only aggregations change the size once they have begun.
                cursor._batch_size = _fitting(len(_sizes(batch)), len(batch), BATCH_SIZE)
            is_cut = len(batch) > 2 * BATCH_SIZE
            if is_cut:
                batch = _beginning(batch)
            yield batch
            if is_cut:
                raise BatchCut


def _sizes(batch: bytes) -> list[int]:
    """Return the size of each document of a batch; a document begins with it."""
    sizes, start = [], 0
    while start < len(batch):
        (size,) = SIZE.unpack_from(batch, start)
        sizes.append(size)
        start += size
    return sizes


def _beginning(batch: bytes) -> bytes:
    """Return the first documents of a batch, until they reach BATCH_SIZE."""
    return batch[: next(end for end in accumulate(_sizes(batch)) if end >= BATCH_SIZE)]


def _fitting(count: int, size: int, wanted: int) -> int:
    """Return how many documents fit a wanted size, if ``count`` of them have ``size``."""
    # At least two, because PyMongo takes a batch size of one for a wish to close the cursor.
    return max(2, min(MAX_BATCH, wanted * count // size))

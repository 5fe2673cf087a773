"""What the Flask service wrote: plain dictionaries, which may lack any field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bson
from pymongo.collection import Collection

from accounts.documents import User
from templates_app.documents import Template

Raw = dict[str, Any]
# A query finds lists by each of their members, unless it says otherwise.
IS_LIST = {"$type": "array"}
NO_LIST = {"$not": IS_LIST}
# Documents in memory at a time: a server's own batches may have 100,000.
BATCH = 200
# Bytes of BSON, unless one document has more: a query can have the values of a batch in it.
BATCH_SIZE = 8 * 2**20


def users() -> Collection[Raw]:
    return User._get_collection()


def templates() -> Collection[Raw]:
    return Template._get_collection()


def grouped(collection: Collection[Raw], *stages: Raw) -> Iterable[Raw]:
    """Return the rows of an aggregation, for which the server may use its disk."""
    return collection.aggregate(list(stages), allowDiskUse=True, batchSize=BATCH)


def in_batches(documents: Iterable[Raw]) -> Iterator[list[Raw]]:
    """Yield lists of at most BATCH documents and BATCH_SIZE bytes, or of one larger document."""
    batch: list[Raw] = []
    size = 0
    for document in documents:
        own_size = len(bson.encode(document))
        if batch and (len(batch) == BATCH or size + own_size > BATCH_SIZE):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += own_size
    if batch:
        yield batch

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
BATCH_SIZE = 16 * 2**20  # bytes of BSON, the most that one document can have


def users() -> Collection[Raw]:
    return User._get_collection()


def templates() -> Collection[Raw]:
    return Template._get_collection()


def grouped(collection: Collection[Raw], *stages: Raw) -> Iterable[Raw]:
    """Return the rows of an aggregation, for which the server may use its disk."""
    return collection.aggregate(list(stages), allowDiskUse=True, batchSize=BATCH)


def in_batches(documents: Iterable[Raw]) -> Iterator[list[Raw]]:
    """Yield lists of at most BATCH documents; a list ends once it has BATCH_SIZE bytes."""
    batch: list[Raw] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(bson.encode(document))
        if len(batch) == BATCH or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch

"""What the Flask service wrote, as it is: dictionaries, of which no field is sure to be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pymongo.collection import Collection

from accounts.documents import User
from templates_app.documents import Template

Raw = dict[str, Any]

# Documents in memory at once, each of up to 16 MB: a server's own batches may have 100,000.
BATCH = 200


def users() -> Collection[Raw]:
    return User._get_collection()


def templates() -> Collection[Raw]:
    return Template._get_collection()


def grouped(collection: Collection[Raw], *stages: Raw) -> Iterable[Raw]:
    """Return the rows of an aggregation, which the server may sort out on its disk."""
    return collection.aggregate(list(stages), allowDiskUse=True, batchSize=BATCH)


def batches(documents: Iterable[Raw]) -> Iterator[list[Raw]]:
    left = iter(documents)
    while batch := list(islice(left, BATCH)):
        yield batch

"""The indexes that the documents declare, and those that the store has.

MongoEngine would build them at the first use of a collection, during somebody's request, and
compares only their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import pymongo
from django.conf import settings
from pymongo.errors import DuplicateKeyError

from templatesvc.mongo import store
from templatesvc.mongo.documents import ServiceDocument

BUILD_SECONDS = 3600
SHOWN_DUPLICATES = 20
MAX_VALUE_LENGTH = 120  # characters


class Index(NamedTuple):
    """An index that a document declares."""

    document: type[ServiceDocument]
    keys: list[tuple[str, int]]
    options: dict[str, Any]

    def __str__(self) -> str:
        fields = ", ".join(name if direction == 1 else f"-{name}" for name, direction in self.keys)
        unique = "unique " if self.options.get("unique") else ""
        return f"{unique}{self.document._get_collection_name()} ({fields})"

    def exists(self) -> bool:
        """Tell whether the store has it, just as it is declared."""
        return self.is_among(self.document._get_collection().index_information().values())

    def is_among(self, stored_indexes: Iterable[Any]) -> bool:
        """Tell whether it is among those of its collection that the store has."""
        compared = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds")
        return any(
            list(stored["key"]) == self.keys
            and all((stored.get(name) or 0) == (self.options.get(name) or 0) for name in compared)
            and ("expireAfterSeconds" in stored) == ("expireAfterSeconds" in self.options)
            for stored in stored_indexes
        )

    def build(self) -> None:
        """Build it; raises DuplicateValues if it is unique and the documents are not."""
        try:
            with pymongo.timeout(BUILD_SECONDS):
                self.document._get_collection().create_index(self.keys, **self.options)
        except DuplicateKeyError as error:
            raise DuplicateValues(self) from error

    def drop(self) -> None:
        """Drop it, if it is there."""
        collection = self.document._get_collection()
        for name, stored in collection.index_information().items():
            if list(stored["key"]) == self.keys:
                collection.drop_index(name)

    def duplicates(self) -> Iterator[tuple[list[Any], int]]:
        """Yield the values that more than one document has, sorted, with how many have them."""
        fields = [name for name, _ in self.keys]
        rows = self.document._get_collection().aggregate(
            [
                {"$group": {"_id": {f: f"${f}" for f in fields}, "count": {"$sum": 1}}},
                {"$match": {"count": {"$gt": 1}}},
                {"$sort": {f"_id.{name}": 1 for name in fields}},
            ],
            allowDiskUse=True,
        )
        for row in rows:
            yield [row["_id"].get(name) for name in fields], row["count"]


class DuplicateValues(Exception):
    """A unique index can't be built; the text names the values that stand in the way."""

    def __init__(self, index: Index) -> None:
        rows = [
            f"  {', '.join(repr(value)[:MAX_VALUE_LENGTH] for value in values)} ({count} documents)"
            for values, count in index.duplicates()
        ]
        more = len(rows) - SHOWN_DUPLICATES
        shown = rows[:SHOWN_DUPLICATES] + ([f"  and {more} more"] if more > 0 else [])
        super().__init__(
            f"The index {index} can't be built, because these values stand more than once; "
            "keep one document of each and try again:\n" + "\n".join(shown)
        )


def declared() -> Iterator[Index]:
    """Yield the index of every document, in the order of declaration."""
    for document in ServiceDocument.concrete_classes():
        for spec in document._meta["index_specs"]:
            options = {name: value for name, value in spec.items() if name not in ("fields", "cls")}
            yield Index(document, list(spec["fields"]), options)


def build_in_memory() -> None:
    """Build the indexes of a store in memory, which no command can reach; leave any other alone."""
    if store.is_in_memory(settings.MONGODB_URI):
        for index in declared():
            index.build()


def missing() -> Iterator[Index]:
    """Yield the indexes that the store does not have: one round trip for each collection."""
    for document, indexes in groupby(declared(), key=lambda index: index.document):
        stored = document._get_collection().index_information().values()
        yield from (index for index in indexes if not index.is_among(stored))

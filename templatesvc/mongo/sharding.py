"""Which shard key each collection has, and the commands for mongosh that shard a database.

A document says it in its ``meta``: ``"shards_by": ("username", 1)``, or ``"hashed"`` for the 1. A
collection that says nothing stays on one shard. docs/scaling.md gives the reasons.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from templatesvc.mongo import indexes
from templatesvc.mongo.documents import ServiceDocument


class ShardKey(NamedTuple):
    """The field that decides on which shard a document of a collection is."""

    collection: str
    field: str
    kind: int | str  # 1 or "hashed"
    is_unique: bool  # over all shards

    @property
    def pattern(self) -> str:
        return json.dumps({self.field: self.kind})

    def commands(self, database: str) -> Iterator[str]:
        """Yield the lines for mongosh."""
        namespace = json.dumps(f"{database}.{self.collection}")
        if self.kind == "hashed":
            collection = json.dumps(self.collection)
            yield f"db.getCollection({collection}).createIndex({self.pattern})"
        unique = ", true" if self.is_unique else ""
        yield f"sh.shardCollection({namespace}, {self.pattern}{unique})"


def shard_keys() -> Iterator[ShardKey]:
    """Yield the key of every collection that is sharded, in the order of their names."""
    documents = sorted(ServiceDocument.concrete_classes(), key=lambda d: d._get_collection_name())
    for document in documents:
        if "shards_by" in document._meta:
            field, kind = document._meta["shards_by"]
            yield ShardKey(
                document._get_collection_name(), field, kind, _is_unique(document, [(field, kind)])
            )


def _is_unique(document: type[ServiceDocument], keys: list[tuple[str, Any]]) -> bool:
    return any(
        index.document is document and index.keys == keys and index.options.get("unique")
        for index in indexes.declared()
    )


def plan(database: str) -> Iterator[str]:
    """Yield the commands for mongosh, on a mongos, that shard a database which has its indexes."""
    yield f"use {database}"
    yield f"sh.enableSharding({json.dumps(database)})"
    for key in shard_keys():
        yield from key.commands(database)

"""How much is stored: documents, and their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import bson
from django.conf import settings

from templatesvc.mongo import store
from templatesvc.mongo.documents import ServiceDocument

# Bytes that a document takes beside its values: for its other fields and its index entries.
OVERHEAD = 300


class Amount(NamedTuple):
    """So many documents, and so many bytes."""

    documents: int = 0
    bytes: int = 0


def size_of(values: dict[str, Any]) -> int:
    """Return how many bytes a document with these stored values counts."""
    return len(bson.encode(values)) + OVERHEAD


def amount_of(
    document: type[ServiceDocument], query: dict[str, Any], fields: Sequence[str]
) -> Amount:
    """Return how many documents a query finds, and how many bytes they count with these fields."""
    collection = document._get_collection()
    if store.is_in_memory(settings.MONGODB_URI):  # mongomock does not know $bsonSize
        rows = collection.find(query, dict.fromkeys(fields, True))
        sizes = [size_of({name: row[name] for name in fields if name in row}) for row in rows]
        return Amount(len(sizes), sum(sizes))
    size = {"$add": [{"$bsonSize": {name: f"${name}" for name in fields}}, OVERHEAD]}
    grouped = {"_id": None, "documents": {"$sum": 1}, "bytes": {"$sum": size}}
    found = list(collection.aggregate([{"$match": query}, {"$group": grouped}]))
    return Amount(int(found[0]["documents"]), int(found[0]["bytes"])) if found else Amount()

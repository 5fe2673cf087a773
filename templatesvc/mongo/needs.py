"""What the service needs of a server that speaks MongoDB's protocol, with a trial of each need.

``manage.py doctor`` tries it all on a scratch collection; docs/deployment.md lists it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import bson
from bson import Int64, ObjectId
from django.conf import settings
from pymongo import ReturnDocument, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from templatesvc.mongo import store
from templatesvc.mongo.clock import now
from templatesvc.mongo.errors import DUPLICATE_KEY

Scratch = Collection[dict[str, Any]]
# $lookup, by which each request finds its user, works on sharded collections from 5.1 on.
OLDEST_VERSION = (6, 0)
RACERS = 8


class Need(NamedTuple):
    """Something that a server must be able to do, and what the service does with it."""

    name: str
    purpose: str
    is_met: Callable[[Scratch], bool]


_needs: list[Need] = []


def need(name: str, purpose: str) -> Callable[[Callable[[Scratch], bool]], Callable[..., bool]]:
    """Register a function that tries something on an empty collection, and tells if it worked."""

    def add(is_met: Callable[[Scratch], bool]) -> Callable[[Scratch], bool]:
        _needs.append(Need(name, purpose, is_met))
        return is_met

    return add


def version() -> tuple[int, ...]:
    """Return the version that the server reports; in memory the oldest version that will do."""
    if store.is_in_memory(settings.MONGODB_URI):
        return OLDEST_VERSION
    return tuple(store.client().server_info()["versionArray"][:3])


def all_needs() -> list[Need]:
    return list(_needs)


def unmet() -> Iterator[tuple[Need, str]]:
    """Yield what the server can't do, with what it says."""
    database = store.database()
    for each in _needs:
        scratch = database[f"doctor_scratch_{secrets.token_hex(4)}"]
        try:
            if not each.is_met(scratch):
                yield each, "it gives another result than MongoDB"
        except PyMongoError as error:
            yield each, str(error)[:200]
        finally:
            scratch.drop()


# --- Indexes --------------------------------------------------------------------------------------


@need("unique indexes", "names, and what an owner has one of, are unique")
def unique_indexes(scratch: Scratch) -> bool:
    scratch.create_index([("owner", 1), ("value", 1)], unique=True)
    values = [{"x": 1, "y": 2}, {"y": 2, "x": 1}, "x", "X"]  # an object is compared as a whole
    scratch.insert_many([{"owner": "alice", "value": value} for value in values])
    taken = {"owner": "alice", "value": {"x": 1, "y": 2}}
    return _is_duplicate(lambda: scratch.insert_one(dict(taken))) and _is_duplicate(
        lambda: scratch.update_one({"value": "x"}, {"$set": taken})
    )


@need("partial indexes", "lists of the few, such as deleted documents, have small indexes")
def partial_indexes(scratch: Scratch) -> bool:
    condition = {"at": {"$type": "date"}}
    name = scratch.create_index([("at", -1), ("_id", -1)], partialFilterExpression=condition)
    return scratch.index_information()[name].get("partialFilterExpression") == condition


@need("TTL indexes", "what has expired is deleted")
def ttl_indexes(scratch: Scratch) -> bool:
    name = scratch.create_index([("at", 1)], expireAfterSeconds=0)
    return scratch.index_information()[name].get("expireAfterSeconds") == 0


# --- Writes ---------------------------------------------------------------------------------------


@need("races of inserts", "of several who claim a name or a key one wins, and the others are told")
def races_of_inserts(scratch: Scratch) -> bool:
    lost = _race(lambda: _is_duplicate(lambda: scratch.insert_one({"_id": "claimed"})))
    return lost.count(False) == 1


@need("races of upserts", "failed log-ins are counted exactly")
def races_of_upserts(scratch: Scratch) -> bool:
    moment = now()
    is_over = {"$lte": [{"$ifNull": ["$until", moment]}, moment]}
    count = {"$cond": [is_over, 1, {"$add": ["$count", 1]}]}
    fields = {"count": count, "until": moment + timedelta(minutes=1)}

    def counted() -> bool:
        while _is_duplicate(
            lambda: scratch.update_one({"_id": "tries"}, [{"$set": fields}], upsert=True)
        ):
            pass
        return True

    _race(counted)
    found = scratch.find_one()
    return found is not None and found["count"] == RACERS


@need("updates by pipelines", "a value is stored as it is, and its version counted up")
def updates_by_pipelines(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 1, "old": True})
    value = {"text": "$not a field", "list": [{"$": 1}]}
    version = {"$add": [{"$cond": [{"$gte": ["$version", 1]}, "$version", 1]}, 1]}
    stages: list[dict[str, Any]] = [
        {"$set": {"value": {"$literal": value}, "version": version}},
        {"$unset": "old"},
    ]
    scratch.update_one({"_id": 1}, stages)
    return scratch.find_one() == {"_id": 1, "value": value, "version": 2}


@need("conditional writes", "nobody overwrites what somebody else has changed meanwhile")
def conditional_writes(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 1, "version": 1})
    changes = [scratch.update_one({"_id": 1, "version": 1}, {"$inc": {"version": 1}}) for _ in "12"]
    deletions = [scratch.delete_one({"_id": 1, "version": 2}) for _ in "12"]
    counts = [change.matched_count for change in changes]
    return counts == [1, 0] and [deletion.deleted_count for deletion in deletions] == [1, 0]


@need("`findAndModify`", "a change returns the state before it, for the history")
def find_and_modify(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 1, "value": "old"})
    change = {"$set": {"value": "new"}}
    before = scratch.find_one_and_update({"_id": 1}, change, return_document=ReturnDocument.BEFORE)
    deleted = scratch.find_one_and_delete({"_id": 1})
    return (before, deleted) == ({"_id": 1, "value": "old"}, {"_id": 1, "value": "new"})


@need("unordered bulk writes", "an import stores every line that can be stored")
def unordered_bulk_writes(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 2})
    try:
        scratch.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 3}], ordered=False)
    except BulkWriteError as error:
        codes = [failure["code"] for failure in error.details["writeErrors"]]
    else:
        codes = []
    change = UpdateOne({"_id": 4}, {"$set": {"value": 1}}, upsert=True)
    upserted = scratch.bulk_write([change], ordered=False).upserted_count
    return (codes, upserted, len(list(scratch.find()))) == ([DUPLICATE_KEY], 1, 4)


@need("retryable writes", "a write whose answer was lost is repeated and done once")
def retryable_writes(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 1, "count": 0})
    write = {
        "update": scratch.name,
        "updates": [{"q": {"_id": 1}, "u": {"$inc": {"count": 1}}}],
        "txnNumber": Int64(2**40),
    }
    # On a client of its own: after so high a number nothing else may use the session.
    with store.connect() as client, client.start_session() as session:
        if not client.options.retry_writes:
            return True  # nothing is repeated
        for _ in range(2):
            client[scratch.database.name].command(write, session=session)
    return scratch.find_one() == {"_id": 1, "count": 1}


# --- Reads ----------------------------------------------------------------------------------------


@need("`$lookup`", "the session and its user are found in one round trip")
def lookup(scratch: Scratch) -> bool:
    scratch.insert_many([{"_id": 1, "user": 2}, {"_id": 2}])
    join = {"from": scratch.name, "localField": "user", "foreignField": "_id", "as": "found"}
    rows = scratch.aggregate([{"$match": {"_id": 1}}, {"$lookup": join}])
    return list(rows) == [{"_id": 1, "user": 2, "found": [{"_id": 2}]}]


@need("`$group`", "the last version of a document, and the numbers of the dashboard, are found")
def group(scratch: Scratch) -> bool:
    scratch.insert_many([{"owner": "alice", "version": version} for version in (1, 3, 2)])
    total = {"_id": "$owner", "last": {"$max": "$version"}, "count": {"$sum": 1}}
    return list(scratch.aggregate([{"$group": total}])) == [{"_id": "alice", "last": 3, "count": 3}]


@need("sizes and days", "quotas count bytes, and the dashboard counts by day")
def sizes_and_days(scratch: Scratch) -> bool:
    scratch.insert_one({"_id": 1, "value": "Ä", "at": datetime(2026, 1, 31, 23, 59, tzinfo=UTC)})
    size = {"$bsonSize": {"value": "$value"}}
    day = {"$dateToString": {"format": "%Y-%m-%d", "date": "$at"}}
    rows = scratch.aggregate([{"$project": {"size": size, "day": day}}])
    expected = {"_id": 1, "size": len(bson.encode({"value": "Ä"})), "day": "2026-01-31"}
    return list(rows) == [expected]


@need("queries by type and pattern", "old values of any type are borne, and lists are searched")
def queries(scratch: Scratch) -> bool:
    scratch.insert_many([{"_id": n, "name": name} for n, name in enumerate(["Ärger", 5, None])])
    by_pattern = scratch.find({"name": {"$regex": "^är", "$options": "i"}})
    not_texts = scratch.find({"name": {"$not": {"$type": "string"}}}).sort("_id", -1)
    return [row["_id"] for row in (*by_pattern, *not_texts)] == [0, 2, 1]


@need("orders and cursors", "lists are paged, and long ones read in pieces")
def orders_and_cursors(scratch: Scratch) -> bool:
    moment = now()
    ids = sorted(ObjectId() for _ in range(10))
    scratch.insert_many([{"_id": id, "at": moment} for id in ids])
    found = scratch.find({"at": {"$lte": moment}}, batch_size=3).sort([("at", -1), ("_id", -1)])
    return [row["_id"] for row in found] == ids[::-1]


def _is_duplicate(write: Callable[[], object]) -> bool:
    """Tell whether a write is refused as one that a unique index forbids."""
    try:
        write()
    except DuplicateKeyError:
        return True
    return False


def _race(act: Callable[[], bool]) -> list[bool]:
    """Return the results of several threads that do the same at once."""
    with ThreadPoolExecutor(RACERS) as racers:
        return [each.result() for each in [racers.submit(act) for _ in range(RACERS)]]

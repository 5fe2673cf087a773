"""What stands in the way: what the unique indexes refuse, and what could not be shown to anybody.

The report counts what is found here, and applying takes it out: so it does what the report said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import bson
from bson import ObjectId
from pymongo import ASCENDING
from pymongo.collection import Collection

from templates_app.flask.adoption.equality import equality
from templates_app.flask.adoption.flask_data import (
    BATCH,
    Raw,
    batches,
    grouped,
    templates,
    users,
)

# To an index a list is each of its members; the equal of a list's member is no equal of the list.
IS_LIST = {"$type": "array"}
NO_LIST = {"$not": IS_LIST}
FOREIGN_ID = {"_id": {"$not": {"$type": "objectId"}}}


class Obstacle(NamedTuple):
    """Documents that one value puts in the way."""

    value: Any  # as the report shows it
    count: int
    match: Raw


class Kind(NamedTuple):
    """A kind of obstacle: what the report calls it, and why its documents are taken out."""

    name: str
    meaning: str
    reason: str
    collection: Callable[[], Collection[Raw]]
    find: Callable[[], Iterator[Obstacle]]

    def documents(self) -> Iterator[Raw]:
        """Yield what is in the way, found while it is cleared away."""
        for obstacle in self.find():
            yield from self.collection().find(obstacle.match, batch_size=BATCH)


def list_names() -> Iterator[Obstacle]:
    """A list is found by each of its members: it would pass for the user of that name."""
    for user in users().find({"username": IS_LIST}, {"username": 1}, batch_size=BATCH):
        yield Obstacle(repr(user["username"]), 1, {"_id": {"$eq": user["_id"]}})


def duplicate_users() -> Iterator[Obstacle]:
    """Find all users of a name but the one whom the Flask service lets in: the first it comes upon.

    Their ids don't tell: within a second, as in a race, they are in the order of machines.
    """
    rows = grouped(
        users(),
        {"$match": {"username": NO_LIST}},
        # To an index a field that is not there is null.
        {"$group": {"_id": {"$ifNull": ["$username", None]}, "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
    )
    for batch in batches(rows):
        named = {"username": {"$in": [row["_id"] for row in batch]}}
        met = set()
        found = users().find(named, {"username": 1}, batch_size=BATCH)
        for user in found.sort("$natural", ASCENDING):
            name = user.get("username")
            if isinstance(name, list):  # which is found by each name in it
                continue
            if equality(name) in met:
                yield Obstacle(repr(name), 1, {"_id": {"$eq": user["_id"]}})
            met.add(equality(name))


def orphans() -> Iterator[Obstacle]:
    rows = grouped(templates(), {"$group": {"_id": "$profile", "count": {"$sum": 1}}})
    for batch in batches(rows):
        owners = [row["_id"] for row in batch if isinstance(row["_id"], str)]
        found = users().find({"username": {"$in": owners}}, {"username": 1})
        there = {user["username"] for user in found if isinstance(user["username"], str)}
        for row in batch:
            owner = row["_id"]
            if not isinstance(owner, str) or owner not in there:
                yield Obstacle(repr(owner), row["count"], {"profile": {"$eq": owner}})


def foreign_ids() -> Iterator[Obstacle]:
    """Lists are in the order of ids, which begin with the time: one without it has no place."""
    for row in templates().find(FOREIGN_ID, {"profile": 1}, batch_size=BATCH):
        yield Obstacle(f"{row['_id']!r} of {row.get('profile')!r}", 1, {"_id": {"$eq": row["_id"]}})


def duplicate_templates() -> Iterator[Obstacle]:
    """Find all but the oldest of the equal templates of an owner, lists apart.

    Equal as MongoDB compares: 1 and 1.0 are, objects with other orders of keys are not. The ids of
    one value come in one answer of the server, which has room for half a million.
    """
    rows = grouped(
        templates(),
        {"$match": {"$or": [{"template": NO_LIST}, {"template": {"$size": 0}}]}},
        {
            "$group": {
                "_id": {name: {"$ifNull": [f"${name}", None]} for name in ("profile", "template")},
                "ids": {"$push": "$_id"},
                "count": {"$sum": 1},
            }
        },
        {"$match": {"count": {"$gt": 1}}},
    )
    for row in rows:
        for value, ids in _by_value(row["ids"]):
            younger = sorted(ids, key=age)[1:]
            if younger:
                of = f"{value!r} of {row['_id']['profile']!r}"
                yield Obstacle(of, len(younger), {"_id": {"$in": younger}})


def _by_value(ids: list[Any]) -> Iterable[tuple[Any, list[Any]]]:
    """Part templates that a server has grouped: some do not look at the order of an object's keys.

    To a unique index it makes a difference.
    """
    parts: dict[Any, tuple[Any, list[Any]]] = {}
    found = templates().find({"_id": {"$in": ids}}, {"template": 1}, batch_size=BATCH)
    for template in found:
        value = template.get("template")
        parts.setdefault(equality(value), (value, []))[1].append(template["_id"])
    return parts.values()


def age(id: Any) -> tuple[bool, bytes]:
    """Return what sorts templates by age, the oldest first; an id of another type is no time."""
    return not isinstance(id, ObjectId), bson.encode({"": id})


def clashing_lists() -> Iterator[Obstacle]:
    """Lists that share a member with an older list of their owner's, or with what is no list.

    The newest comes first: whenever this is cut off, those that decide about the rest are there.
    """
    if templates().find_one({"template": IS_LIST}, {"_id": 1}) is None:
        return
    is_list = {"$isArray": "$template"}
    rows = grouped(
        templates(),
        {
            "$project": {
                "profile": 1,
                "value": {"$cond": [is_list, "$template", ["$template"]]},
                "list": {"$cond": [is_list, "$_id", 0]},  # 0 is less than any ObjectId
            }
        },
        {"$unwind": "$value"},
        {
            "$group": {
                "_id": {"profile": "$profile", "value": "$value"},
                "first": {"$min": "$list"},
                "list": {"$addToSet": "$list"},
            }
        },
        {"$unwind": "$list"},
        {"$match": {"list": {"$ne": 0}, "$expr": {"$ne": ["$list", "$first"]}}},
        {"$group": {"_id": "$list"}},
        {"$sort": {"_id": -1}},
    )
    for row in rows:
        yield Obstacle(row["_id"], 1, {"_id": row["_id"]})


# In the order in which they are cleared away: who goes leaves templates without an owner.
DUPLICATE_USERS = Kind(
    "duplicate_users",
    "users beside an older one of the same name",
    "another user of this name is older",
    users,
    duplicate_users,
)
KINDS = [
    Kind(
        "list_names",
        "users whose name is a list, and who would be found by each name in it",
        "its name is a list",
        users,
        list_names,
    ),
    DUPLICATE_USERS,
    Kind(
        "orphans",
        "templates whose owner is gone, or has a name that is no text",
        "its owner is gone",
        templates,
        orphans,
    ),
    Kind(
        "foreign_ids",
        "templates whose id is no ObjectId, which neither service gives",
        "its id is no ObjectId",
        templates,
        foreign_ids,
    ),
    Kind(
        "duplicate_templates",
        "templates beside an older equal one of the same owner",
        "an equal template is older",
        templates,
        duplicate_templates,
    ),
    Kind(
        "clashing_lists",
        "templates that are lists and share a member with another of the same owner",
        "a list that shares a member with another template",
        templates,
        clashing_lists,
    ),
]

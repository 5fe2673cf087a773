"""Obstacles: documents that the unique indexes refuse, and those that nobody could see.

The report counts them, and applying takes out the very same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import bson
from bson import ObjectId
from pymongo import ASCENDING
from pymongo.collection import Collection

from templates_app.flask.adoption.equality import equality, having
from templates_app.flask.adoption.flask_data import (
    BATCH,
    IS_LIST,
    NO_LIST,
    Raw,
    grouped,
    in_batches,
    templates,
    users,
)

FOREIGN_ID = {"_id": {"$not": {"$type": "objectId"}}}
# In the place of a list's id, for what is no list: less than any id; and the place of such a value.
NO_ID = 0
VALUE = (NO_ID, 0)


class Obstacle(NamedTuple):
    """Documents that are obstacles because of one value."""

    value: Any  # as the report shows it
    count: int
    match: Raw


class Kind(NamedTuple):
    """A kind of obstacle, with its name in the report and the reason for the quarantine."""

    name: str
    meaning: str
    reason: str
    collection: Callable[[], Collection[Raw]]
    find: Callable[[], Iterator[Obstacle]]

    def documents(self) -> Iterator[Raw]:
        """Yield the obstacles' documents, which may be cleared away meanwhile."""
        for obstacle in self.find():
            yield from self.collection().find(obstacle.match, batch_size=BATCH)


def list_names() -> Iterator[Obstacle]:
    """Find names that are lists: each member would find the user, as if it were their name."""
    for user in users().find({"username": IS_LIST}, {"username": 1}, batch_size=BATCH):
        yield Obstacle(repr(user["username"]), 1, having("_id", [user["_id"]]))


def duplicate_users() -> Iterator[Obstacle]:
    """Find all users of a name but the one whom the Flask service logs in: the first that it finds.

    Ids can't decide that: within a second, as in a race, they are in the order of machines.
    """
    rows = grouped(
        users(),
        {"$match": {"username": NO_LIST}},
        # An index takes an absent field for null.
        {"$group": {"_id": {"$ifNull": ["$username", None]}, "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
    )
    for batch in in_batches(rows):
        named = having("username", [row["_id"] for row in batch])
        met = set()
        found = users().find(named, {"username": 1}, batch_size=BATCH)
        for user in found.sort("$natural", ASCENDING):
            name = user.get("username")
            if equality(name) in met:
                yield Obstacle(repr(name), 1, having("_id", [user["_id"]]))
            met.add(equality(name))


def orphans() -> Iterator[Obstacle]:
    rows = grouped(templates(), {"$group": {"_id": "$profile", "count": {"$sum": 1}}})
    for batch in in_batches(rows):
        owners = [row["_id"] for row in batch if isinstance(row["_id"], str)]
        found = users().find(having("username", owners), {"username": 1})
        there = {user["username"] for user in found}
        for row in batch:
            owner = row["_id"]
            if isinstance(owner, str) and (
                # Once more: somebody may have registered while the others were cleared away.
                owner in there or users().find_one(having("username", [owner]), {"_id": 1})
            ):
                continue
            yield Obstacle(repr(owner), row["count"], having("profile", [owner]))


def foreign_ids() -> Iterator[Obstacle]:
    """Find ids of other types: lists are in the order of ids, which have to begin with a time."""
    for row in templates().find(FOREIGN_ID, {"profile": 1}, batch_size=BATCH):
        shown = f"{row['_id']!r} of {row.get('profile')!r}"
        yield Obstacle(shown, 1, having("_id", [row["_id"]]))


def duplicate_templates() -> Iterator[Obstacle]:
    """Find all but the oldest of an owner's equal templates, except lists.

    An index has an entry for each member of a list, so lists are compared apart.
    They are equal as MongoDB compares: 1 and 1.0 are, objects with keys in another order are not.
    The server returns the ids of one value together, and has room for half a million of them.
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
                yield Obstacle(of, len(younger), having("_id", younger))


def _by_value(ids: list[Any]) -> Iterable[tuple[Any, list[Any]]]:
    """Split a group of templates by the order of their objects' keys.

    Unique indexes distinguish it, but some servers don't when they group.
    """
    parts: dict[Any, tuple[Any, list[Any]]] = {}
    found = templates().find(having("_id", ids), {"template": 1}, batch_size=BATCH)
    for template in found:
        value = template.get("template")
        parts.setdefault(equality(value), (value, []))[1].append(template["_id"])
    return parts.values()


def age(id: Any) -> tuple[bool, bytes]:
    """Return a key that sorts templates by age; ids of other types, without a time, are last."""
    return not isinstance(id, ObjectId), bson.encode({"": id})


def clashing_lists() -> Iterator[Obstacle]:
    """Find lists one of whose members the owner has elsewhere: as a value, or in an older list.

    A list that is found is no obstacle to younger ones, because it will be gone.
    """
    if templates().find_one({"template": IS_LIST}, {"_id": 1}) is None:
        return
    for _, rows in groupby(_shared_members(), key=lambda row: equality(row.get("profile"))):
        taken = {VALUE}  # the shared members, of one owner, that stay
        for id, shared in groupby(rows, key=itemgetter("list")):
            members = {(row["first"]["list"], row["first"]["at"]) for row in shared}
            if taken.isdisjoint(members):
                taken |= members
            else:
                # Its owner may have made something else of it while others were cleared away.
                yield Obstacle(id, 1, having("_id", [id]) | {"template": IS_LIST})


def _shared_members() -> Iterable[Raw]:
    """Return a row for each list and each member that it shares: by owners, the oldest list first.

    A member is known by its first place: the oldest list that has it, and where, or VALUE.
    """
    is_list = {"$isArray": "$template"}
    return grouped(
        templates(),
        {"$match": {"_id": {"$type": "objectId"}}},  # others will be gone
        {
            "$project": {
                "profile": 1,
                "value": {"$cond": [is_list, "$template", ["$template"]]},
                "list": {"$cond": [is_list, "$_id", NO_ID]},
            }
        },
        {"$unwind": {"path": "$value", "includeArrayIndex": "at"}},
        {
            "$group": {
                "_id": {"profile": "$profile", "value": "$value"},
                "first": {"$min": {"list": "$list", "at": "$at"}},
                "list": {"$addToSet": "$list"},
            }
        },
        {"$match": {"list.1": {"$exists": True}}},
        {"$unwind": "$list"},
        {"$match": {"list": {"$ne": NO_ID}}},
        {"$project": {"_id": 0, "profile": "$_id.profile", "list": 1, "first": 1}},
        {"$sort": {"profile": ASCENDING, "list": ASCENDING}},
    )


# In the order in which they are cleared away: removing users makes orphans of templates.
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

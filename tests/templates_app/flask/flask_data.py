"""A database as the Flask service leaves it: filled over HTTP, part of it in races, then spoilt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from bson import Binary, ObjectId
from pymongo.database import Database

from tests.accounts.flask.people import flask_row, sha256
from tests.processes import FlaskService, at_once

RACERS = 8


def password_of(name: str) -> str:
    return f"{name}'s old password"


# --- Over HTTP ---------------------------------------------------------------------------------


def fill(service: FlaskService, people: int, templates_each: int) -> dict[str, str]:
    """Register people, each with templates of their own; in some cases several callers at once.

    Return the passwords of those.
    """

    def one_person(number: int) -> None:
        name = f"person-{number}"
        token = service.log_in(name, password_of(name))
        for each in range(templates_each):
            body = {"template": {"number": each} if each % 3 else f"text {each}"}
            assert service.post("/create", body, token).status == 200

    at_once(range(people), one_person)
    racers = [f"racer-{number}" for number in range(max(people // 50, 10))]
    return {name: _race(service, name) for name in racers}


def _race(service: FlaskService, name: str) -> str:
    """Register one name and create one template, each several times at the same moment.

    Each registers with a password of its own. Return the one that the Flask service then takes.
    """
    bodies = [{"username": name, "password": f"{password_of(name)} {n}"} for n in range(RACERS)]
    at_once(bodies, lambda body: service.post("/api/v1/users", body))
    (body,) = [each for each in bodies if service.post("/api/v1/login", each).status == 200]
    token = service.post("/api/v1/login", body).json["access_token"]
    at_once(range(RACERS), lambda _: service.post("/create", {"template": "raced for"}, token))
    return body["password"]


# --- By hand -----------------------------------------------------------------------------------

DEEP: dict[str, Any] = {}
for _number in range(40):
    DEEP = {"in": DEEP}


def a_uuid(number: int) -> Binary:
    return Binary.from_uuid(UUID(int=number))


def _user(name: Any, **fields: Any) -> dict[str, Any]:
    return flask_row(name, password_of(str(name))) | fields


# Whose people are named here can't be named as a person of ``fill`` is.
USERS = [
    _user("ann"),
    _user("ben"),
    _user("eve", _id=5, is_superuser=True, role="admin", token_version=[], is_active="no"),
    _user("eli", token_version="x", strong_password="argon2$of-another"),
    _user("fay", colour="red", **{"a.b": 1}),
    _user("dup"),
    _user("dup", password=sha256("later")),
    _user("odd", _id={"of": "an object"}),
    _user("odd", _id="text"),
    _user(["ann", "ben"], _id=0),
    _user(["zoe"]),
    _user(7),
    _user(None),
    {"password": sha256("no name")},
    _user(""),
    _user([]),
    _user([]),
    _user("c\n"),
    _user("x" * 151),
    _user("plain", password="secret"),
    _user("none", password=None),
]
KEPT: list[tuple[Any, list[Any]]] = [
    ("ann", ["a", "a", "a", {"x": 1}, {"x": 1.0}, {"x": 1, "y": 2}, {"y": 2, "x": 1}]),
    ("ann", [{"least": -(2**63), "most": 2**63 - 1}]),
    ("ann", [5, 5.0, True, None, [], []]),
    ("ben", ["a", ["a", "b"], ["c", "d"], ["d", "e"], ["e", "e", "f"], ["f"], ["g"]]),
    ("ben", [[{"x": 1}, "h"], {"x": 1}]),
    ("eve", [float("nan"), float("nan"), {"n": float("nan")}, {"n": float("nan")}]),
    ("eve", ["x" * 100_001, {"x": "y" * 2**20}, DEEP, "", {"n": float("inf")}]),
    ("eve", [{"in": {"$x": 1}}, {"in": {"a.b": 1}}]),
    ("gone", ["a", "a", ["a"], *({"many": number} for number in range(210))]),
    *[(owner, ["a"]) for owner in (7, ["ann"], None, {"of": "an object"}, "an", "Ann")],
]
TEMPLATES: list[dict[str, Any]] = [
    *({"profile": profile, "template": value} for profile, values in KEPT for value in values),
    {"profile": "ann"},
    {"_id": "text", "profile": "fay", "template": "of an odd id"},
    {"_id": {"of": "an object"}, "profile": "fay", "template": "of an odd id"},
    {"_id": a_uuid(1), "profile": "fay", "template": a_uuid(2)},
    {"_id": a_uuid(3), "profile": "fay", "template": a_uuid(2)},
]
# What is found in these beside what stands in the way.
FOUND = {
    "other_passwords": 2,
    "odd_names": 10,
    "smuggled_rights": 1,
    "smuggled_fields": 2,
    "other_fields": 1,
    "refused_templates": 6 + 7 + 11 + 1 + 1 + 2,  # of ann, ben, eve, gone, one without any, fay
}


def spoil(database: Database[dict[str, Any]]) -> None:
    """Add documents of every kind that there can be."""
    # One by one, so that none has the id of an older one.
    for user in USERS:
        database["users"].insert_one(dict(user))
    for template in TEMPLATES:
        database["templates"].insert_one(dict(template))


# --- What there is to find, told by comparing each with each --------------------------------------


def in_the_way(database: Database[dict[str, Any]]) -> dict[str, int]:
    """Return how many documents of each kind stand in the way."""
    users, templates = list(database["users"].find()), list(database["templates"].find())
    names = [user.get("username") for user in users]
    values = [
        (_same(each["profile"]), _same(each.get("template")))
        for each in templates
        if not isinstance(each.get("template"), list) or each["template"] == []
    ]
    found = {
        "list_names": sum(isinstance(name, list) for name in names),
        "duplicate_users": _repeated(_same(name) for name in names if not isinstance(name, list)),
        "orphans": sum(
            not isinstance(each["profile"], str) or each["profile"] not in names
            for each in templates
        ),
        "foreign_ids": sum(not isinstance(each["_id"], ObjectId) for each in templates),
        "duplicate_templates": _repeated(values),
        "clashing_lists": len(_clashing(templates)),
    }
    return {kind: count for kind, count in found.items() if count}


def _repeated(values: Iterable[Any]) -> int:
    counted = Counter(values)
    return counted.total() - len(counted)


def _same(value: Any) -> Any:
    """Return what is equal for values that are equal to MongoDB."""
    if isinstance(value, dict):
        return "object", tuple((key, _same(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return "list", tuple(map(_same, value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != value:
        return "number", "NaN"
    return "number" if is_number else type(value).__name__, value


def _clashing(templates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lists that share a member with what is no list, or with an older list kept."""
    lists = [each for each in templates if isinstance(each.get("template"), list)]
    kept = [each for each in templates if not isinstance(each.get("template"), list)]
    found: list[dict[str, Any]] = []
    for each in lists:  # in the order of their ids, as ``spoil`` has stored them
        clashes = any(
            _members(other) & _members(each)
            for other in kept
            if _same(other["profile"]) == _same(each["profile"])
        )
        (found if clashes else kept).append(each)
    return found


def _members(template: dict[str, Any]) -> set[Any]:
    value = template.get("template")
    return set(map(_same, value if isinstance(value, list) else [value]))

"""Filling databases with users and their templates, by PyMongo alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

from argon2 import PasswordHasher, Type
from bson import ObjectId

from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id

PASSWORD = "wonderland-1"
BATCH = 5000


class Size(NamedTuple):
    """How many users there are, and how many templates each has."""

    users: int
    each: int

    def __str__(self) -> str:
        return f"{self.users * self.each:,} templates of {self.users:,} users"

    def names(self) -> Iterator[str]:
        return (f"user{number:06}" for number in range(self.users))


def fill(database: Any, size: Size, is_flasks: bool) -> None:
    """Insert the users and templates, as the Flask service stores them or as this one does."""
    if is_flasks:
        users: Iterable[Any] = map(_flask_user, size.names())
        templates: Iterable[Any] = (
            {"profile": name, "template": value} for name, value in _values(size)
        )
    else:
        hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, type=Type.ID)
        # One hash for all: only those who log in compute another, and their own takes as long.
        encoded = f"argon2{hasher.hash(PASSWORD)}"
        users = (_user(name, encoded) for name in size.names())
        templates = (_template(name, value) for name, value in _values(size))
    _insert(database.users, users)
    _insert(database.templates, templates)


def _values(size: Size) -> Iterator[tuple[str, str]]:
    # Number by number and not user by user: nobody's templates lie beside each other.
    for number in range(size.each):
        for name in size.names():
            yield name, f"template {number} of {name}, as long as a line of text is"


def _insert(collection: Any, rows: Iterable[dict[str, Any]]) -> None:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        collection.insert_many(batch, ordered=False)


def _flask_user(name: str) -> dict[str, Any]:
    return {"username": name, "password": hashlib.sha256(PASSWORD.encode()).hexdigest()}


def _user(name: str, encoded: str) -> dict[str, Any]:
    joined = now() - timedelta(days=1)
    return {
        "_id": ObjectId(),
        "username": name,
        "password": encoded,
        "is_active": True,
        "date_joined": joined,
        "token_version": "",
    }


def _template(name: str, value: str) -> dict[str, Any]:
    moment = now()
    return {
        "_id": new_id(moment),
        "profile": name,
        "template": value,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }

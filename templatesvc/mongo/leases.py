"""Leases: locks over all workers and machines, which end by themselves."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from datetime import timedelta
from typing import Any, Self

from mongoengine import DateTimeField, StringField
from mongoengine.errors import NotUniqueError
from pymongo.errors import PyMongoError

from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import not_unique


def lease_name(owner: str, work: str) -> str:
    """Return the name of an owner's lease for some work, without the owner's name in it."""
    return f"{work}:{hashlib.sha256(owner.encode()).hexdigest()}"


class LeaseTaken(Exception):
    """Somebody holds the lease."""


class Lease(ServiceDocument):
    """A name that one holder has until a moment, or until it is given back."""

    id = StringField(primary_key=True)
    holder = StringField(required=True)
    until = DateTimeField(required=True)

    meta = {
        "collection": "leases",
        "shards_by": ("_id", "hashed"),
        "indexes": [{"fields": ["until"], "expireAfterSeconds": 0}],
    }

    duration = timedelta()

    @classmethod
    @contextmanager
    def held(cls, name: str, duration: timedelta) -> Iterator[Self]:
        """Hold a lease in a ``with`` block; raises LeaseTaken.

        Two round trips. If the worker dies, the lease ends after its duration.
        """
        lease = cls(id=name, holder=secrets.token_hex(8))
        lease.duration = duration
        lease._take({"until": {"$lte": now()}})
        try:
            yield lease
        finally:
            # In a context of its own: it has to be done even if the request's time for the store is
            # up.
            Context().run(lease._give_back)

    def _give_back(self) -> None:
        with suppress(PyMongoError):  # it ends by itself
            self._get_collection().delete_one({"_id": self.id, "holder": self.holder})

    def prolong(self) -> None:
        """Make sure that at least five sixths of the duration are left.

        A round trip, or none if the lease is fresh. Raises LeaseTaken if it had ended, and somebody
        else has taken it since.
        """
        if self.until - now() < self.duration * 5 / 6:
            self._take({"holder": self.holder})

    def _take(self, free: dict[str, Any]) -> None:
        """Take the lease if there is none, or if the query ``free`` fits it; raises LeaseTaken."""
        moment = now()
        change = {"$set": {"holder": self.holder, "until": moment + self.duration}}
        try:
            with not_unique():
                # If another holds the lease, the upsert inserts, and meets the unique _id.
                self._get_collection().update_one({"_id": self.id, **free}, change, upsert=True)
        except NotUniqueError as error:
            raise LeaseTaken(self.id) from error
        self.until = moment + self.duration

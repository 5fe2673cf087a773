"""Leases: what one may do at a time, over all workers and machines."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from mongoengine import DateTimeField, StringField
from mongoengine.errors import NotUniqueError
from pymongo.errors import PyMongoError

from templatesvc.mongo.documents import ServiceDocument, not_unique, now


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

    @classmethod
    @contextmanager
    def held(cls, name: str, duration: timedelta) -> Iterator[None]:
        """Hold a lease in a ``with`` block; raises LeaseTaken.

        Two round trips. If the worker dies, the lease ends after its duration.
        """
        holder, moment = secrets.token_hex(8), now()
        collection = cls._get_collection()
        try:
            with not_unique():
                # The upsert of a lease that stands meets the unique _id.
                collection.update_one(
                    {"_id": name, "until": {"$lte": moment}},
                    {"$set": {"holder": holder, "until": moment + duration}},
                    upsert=True,
                )
        except NotUniqueError as error:
            raise LeaseTaken(name) from error
        try:
            yield
        finally:
            with suppress(PyMongoError):  # it ends by itself
                collection.delete_one({"_id": name, "holder": holder})

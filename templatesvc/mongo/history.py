"""History: the states that documents were in, kept for some time.

A document's own class of versions is made with it. Each state is kept in one of as many slots a
document as the setting says, so that the newest takes the place of the oldest in the one write
that stores it.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bson import ObjectId
from django.conf import settings
from mongoengine import DateTimeField, StringField
from mongoengine.errors import NotUniqueError
from mongoengine.queryset import QuerySet
from pymongo import UpdateMany

from templatesvc.mongo.documents import RawField, ServiceDocument, new_id, now
from templatesvc.mongo.querysets import KeysetQuerySet

if TYPE_CHECKING:
    from templatesvc.mongo.resources import ResourceDocument

# Of a version's number: whatever has so many digits fits 64 bits.
MAX_VERSION = 10**18 - 1


class VersionField(RawField):
    """The number of a version: the whole part of a number from 1 to MAX_VERSION.

    What is stored of any other kind counts as 1, here as in ``is_version`` and ``next_one``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default=1, **kwargs)

    def to_python(self, value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return int(value) if is_number and 1 <= value <= MAX_VERSION else 1

    @staticmethod
    def next_one() -> dict[str, Any]:
        """Return the expression for the number after that of a document."""
        is_number = {"$and": [{"$gte": ["$version", 1]}, {"$lte": ["$version", MAX_VERSION]}]}
        return {"$add": [{"$cond": [is_number, "$version", 1]}, 1]}


def is_version(number: int) -> dict[str, Any]:
    """Return the condition on what is stored for it to count as this number."""
    if number == 1:
        return {"$not": {"$gte": 2, "$lte": MAX_VERSION}}
    return {"$gte": number, "$lt": number + 1}


class VersionQuerySet(KeysetQuerySet):
    """Versions; those of deleted documents can be paged through."""

    orders: ClassVar = {"deleted_at": ("deleted_at", "document_id"), "version": ("version",)}


class DocumentVersion(ServiceDocument):
    """A state that a document was in before a change, or before it was deleted.

    Beside these fields a class of versions has copies of its document's own.
    """

    id = StringField(primary_key=True)
    document_id = RawField(required=True)
    owner: Any = None  # the document's own, if it has one
    version = VersionField(required=True)
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
    replaced_at = DateTimeField(required=True)
    deleted_at = DateTimeField()
    expires_at = DateTimeField(required=True)

    meta = {"abstract": True, "queryset_class": VersionQuerySet}

    document_class: ClassVar[type[ResourceDocument]]

    @classmethod
    def of_document(cls, document: type[ResourceDocument]) -> type[Self]:
        """Make the class of a document's versions."""
        names, owner = document.names, document._fields.get("owner")
        attrs = {name: copy.copy(document._fields[name]) for name in document.own_fields}
        meta: dict[str, Any] = {"collection": f"{names.slug}_versions"}
        by_owner = []
        if owner:
            attrs["owner"] = StringField(required=True, db_field=owner.db_field)
            meta["shards_by"] = (owner.db_field, 1)
            by_owner = ["owner"]
        attrs |= {
            "__module__": document.__module__,
            "__doc__": names.fill("A state that {a} was in before a change or its deletion."),
            "document_id": RawField(required=True, db_field=f"{names.slug}_id"),
            "meta": meta
            | {
                "indexes": [
                    {"fields": ["expires_at"], "expireAfterSeconds": 0},
                    {"fields": [*by_owner, "document_id", "-version"]},
                    {"fields": [*by_owner, "-deleted_at", "-document_id"]},
                    # Of everybody's, for operators; only what is deleted costs an entry.
                    {
                        "fields": ["-deleted_at", "-id"],
                        "partialFilterExpression": {"deleted_at": {"$type": "date"}},
                    },
                ],
            },
        }
        make: Any = type(cls)
        versions: type[Self] = make(f"{document.__name__}Version", (cls,), attrs)
        versions.document_class = document
        return versions

    # --- Keeping -----------------------------------------------------------------------------

    @classmethod
    def keep(cls, before: ResourceDocument, deleted_at: datetime | None = None) -> None:
        """Store a state that is no more."""
        if settings.HISTORY_VERSIONS:
            slot, change = cls._slot(before, deleted_at)
            # Not a bulk write, of which the driver repeats only some kinds after a failover.
            cls._get_collection().update_one(slot, change, upsert=True)

    @classmethod
    def keep_all(cls, states: Iterable[ResourceDocument]) -> None:
        """Store states that are no more, of any number of documents in one round trip."""
        if settings.HISTORY_VERSIONS and (slots := [cls._slot(before) for before in states]):
            # UpdateMany with an _id: of the bulk operations it is the one that mongomock knows.
            writes = [UpdateMany(slot, change, upsert=True) for slot, change in slots]
            cls._get_collection().bulk_write(writes, ordered=False)

    @classmethod
    def _slot(
        cls, before: ResourceDocument, deleted_at: datetime | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the query and the update that store a state."""
        moment = now()
        slot = before.version % settings.HISTORY_VERSIONS
        # The owner is a part of it: whoever imports an id that somebody has deleted has a history
        # of their own. As a digest, because a name may be any text of any length, and operators'
        # URLs hold this.
        owner = hashlib.sha256((before.owner or "").encode()).hexdigest()
        query = {"_id": f"{before.id}/{slot}/{owner}", **before.owned_by(before.owner)}
        values = before.stored(before.own_values)
        state = {
            cls.document_id.db_field: before.id,
            **values,
            "version": before.version,
            "created_at": before.created,
            "updated_at": before.updated,
            "replaced_at": moment,
            "deleted_at": deleted_at,
            "expires_at": moment + settings.HISTORY_RETENTION,
        }
        own = (before._fields[name].db_field for name in before.own_fields)
        # The slot may hold another state, of which nothing is to stay.
        emptied = dict.fromkeys((name for name in own if name not in values), True)
        return query, {"$set": state} | ({"$unset": emptied} if emptied else {})

    # --- Finding -----------------------------------------------------------------------------

    @classmethod
    def of(cls, owner: str, document_id: ObjectId | None = None) -> QuerySet:
        """Return the query of an owner's old versions, of one document or of all."""
        standing = cls.objects(**cls.document_class.whose(owner), expires_at__gt=now())
        return standing.filter(document_id=document_id) if document_id else standing

    @classmethod
    def deleted_of(cls, owner: str) -> QuerySet:
        """Return the query of an owner's deleted documents."""
        return cls.of(owner).filter(deleted_at__ne=None)

    @classmethod
    def last_of(cls, owner: str, ids: list[ObjectId]) -> dict[ObjectId, int]:
        """Return the number of the last version that each document had, if it is known."""
        document_id = cls.document_id.db_field
        theirs = {**cls.document_class.owned_by(owner), document_id: {"$in": ids}}
        grouped = {"_id": f"${document_id}", "version": {"$max": "$version"}}
        rows = cls._get_collection().aggregate([{"$match": theirs}, {"$group": grouped}])
        return {row["_id"]: cls.version.to_python(row["version"]) for row in rows}

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any] | None:
        return cls.document_class.belonging_to(user)

    def exported(self) -> dict[str, Any]:
        return {
            type(self).document_id.db_field: self.document_id,
            **self.document_class.stored(self.own_values),
            "version": self.version,
            "created_at": self.created_at,
            "replaced_at": self.replaced_at,
            "deleted_at": self.deleted_at,
        }

    @property
    def own_values(self) -> dict[str, Any]:
        """The document's own fields in this state, by their names."""
        return {name: getattr(self, name) for name in self.document_class.own_fields}

    # --- Bringing back, and forgetting -------------------------------------------------------

    @classmethod
    def stand_again(cls, owner: str, ids: list[ObjectId]) -> None:
        """Note that documents which may have been deleted are there again."""
        theirs = cls.objects(**cls.document_class.whose(owner))
        deleted = theirs.filter(document_id__in=ids, deleted_at__ne=None)
        deleted.update(unset__deleted_at=True)

    def restore(self) -> ResourceDocument:
        """Store a deleted document again, as a version that it never had.

        Under its id; if somebody else has a document of that id by now, as an import of an earlier
        version could bring about, under a new one. Raises OverQuota, and mongoengine's
        NotUniqueError if it is there, or the owner has one like it.
        """
        whose = self.document_class.whose(self.owner)
        versions = type(self).objects(**whose, document_id=self.document_id)
        last = versions.only("version").order_by("-version").first()
        document = self.document_class(
            id=self.document_id,
            version=(last or self).version + 1,
            created_at=self.created_at,
            updated_at=now(),
            **whose,
            **self.own_values,
        )
        try:
            document.add()
        except NotUniqueError:
            if self.document_class.objects.of(self.owner).filter(id=document.id).first():
                raise
            document.id = new_id(document.created)  # lists follow the order of the ids
            document.add()
        self.stand_again(self.owner, [self.document_id])
        return document

    @classmethod
    def forget_deleted(cls, owner: str, most: int) -> int:
        """Delete all that is kept of some deleted documents; return of how many."""
        theirs, document_id = cls.document_class.owned_by(owner), cls.document_id.db_field
        deleted = theirs | {"deleted_at": {"$ne": None}}
        rows = cls._get_collection().find(deleted, {document_id: True}, limit=most)
        ids = [row[document_id] for row in rows]
        if ids:
            cls._get_collection().delete_many(theirs | {document_id: {"$in": ids}})
        return len(ids)

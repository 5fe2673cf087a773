"""History: the states that documents were in, kept for some time.

Each class of documents has a class of versions. A document has as many slots for its states as the
setting says; one write stores the newest state in the slot of the oldest. Of two states for one
slot the later one stays, in whatever order they arrive.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bson import ObjectId
from django.conf import settings
from mongoengine import DateTimeField, StringField
from mongoengine.errors import NotUniqueError
from mongoengine.queryset import QuerySet
from pymongo import UpdateMany
from pymongo.errors import BulkWriteError, DuplicateKeyError

from templatesvc.mongo.amounts import size_of
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import duplicates_of
from templatesvc.mongo.fields import RawField
from templatesvc.mongo.ids import new_id
from templatesvc.mongo.querysets import KeysetQuerySet
from templatesvc.mongo.versions import MAX_VERSION, VersionField

if TYPE_CHECKING:
    from templatesvc.mongo.resources import ResourceDocument

# Two upserts may both insert one slot. The one that is refused finds the other's, if it is earlier,
# when it is repeated: the server itself repeats only those that ask for an _id and nothing else.
TRIES = 2


class VersionQuerySet(KeysetQuerySet):
    """Versions; those of deleted documents can be paged through."""

    orders: ClassVar = {"deleted_at": ("deleted_at", "document_id"), "version": ("version",)}


class DocumentVersion(ServiceDocument):
    """A state that a document was in before a change, or before it was deleted.

    A class of versions has these fields and copies of its document's own.
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
                    # For operators, who see all owners'; only deleted documents have an entry.
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
    def keep(cls, before: ResourceDocument, deleted_at: datetime | None = None) -> int:
        """Store a state that is over, unless its slot has a later one.

        Return how many bytes are no longer stored: those of an earlier state in its slot, or its
        own if it is not kept.
        """
        if not settings.HISTORY_VERSIONS:
            return before.bson_size
        slot, change = cls._slot(before, deleted_at)
        own = [before._fields[name].db_field for name in before.own_fields]
        for _ in range(TRIES):
            # Not a bulk write: the driver repeats only some kinds of those after a failover.
            with suppress(DuplicateKeyError):
                row = cls._get_collection().find_one_and_update(
                    slot, change, dict.fromkeys(own, True), upsert=True
                )
                return size_of({name: row[name] for name in own if name in row}) if row else 0
        return before.bson_size

    @classmethod
    def keep_all(cls, states: Iterable[ResourceDocument]) -> None:
        """Store the past states of any number of documents, usually in one round trip."""
        if not settings.HISTORY_VERSIONS:
            return
        # UpdateMany with an _id, because mongomock knows no other bulk operation.
        writes = [UpdateMany(*cls._slot(before), upsert=True) for before in states]
        for _ in range(TRIES):
            if not writes:
                return
            try:
                cls._get_collection().bulk_write(writes, ordered=False)
                return
            except BulkWriteError as error:
                writes = [writes[index] for index in duplicates_of(error)]

    @classmethod
    def _slot(
        cls, before: ResourceDocument, deleted_at: datetime | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the query and the upsert that store a state.

        If the slot has a later state, the query does not find it, and the upsert is refused as a
        duplicate: a write that comes late must not take the place of a deletion.
        """
        moment = now()
        slot = before.version % settings.HISTORY_VERSIONS
        # The owner is part of the id: somebody who imports the id of a document that another has
        # deleted gets a history of their own. It is a digest, because a name may be any text of any
        # length, and the URLs of operators' pages contain this id.
        owner = hashlib.sha256((before.owner or "").encode()).hexdigest()
        query = {
            "_id": f"{before.id}/{slot}/{owner}",
            **before.owned_by(before.owner),
            "version": {"$not": {"$gt": before.version, "$lte": MAX_VERSION}},
        }
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
        # The slot may hold another state, of which no field may stay.
        emptied = dict.fromkeys((name for name in own if name not in values), True)
        return query, {"$set": state} | ({"$unset": emptied} if emptied else {})

    # --- Finding -----------------------------------------------------------------------------

    @classmethod
    def of(cls, owner: str, document_id: ObjectId | None = None) -> QuerySet:
        """Return the query of an owner's old versions, of one document or of all."""
        unexpired = cls.objects(**cls.document_class.whose(owner), expires_at__gt=now())
        return unexpired.filter(document_id=document_id) if document_id else unexpired

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
    def first_state(cls, owner: str, id: ObjectId) -> ResourceDocument | None:
        """Return the earliest state that is kept of a document, which may be deleted by now."""
        theirs = cls.objects(**cls.document_class.whose(owner), document_id=id)
        version = theirs.order_by("version").first()
        return version and version.as_document(version.version, version.updated_at)

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

    def as_document(self, version: int, updated_at: datetime) -> ResourceDocument:
        """Return a document with the values of this state."""
        return self.document_class(
            id=self.document_id,
            version=version,
            created_at=self.created_at,
            updated_at=updated_at,
            **self.document_class.whose(self.owner),
            **self.own_values,
        )

    # --- Bringing back, and forgetting -------------------------------------------------------

    @classmethod
    def mark_restored(cls, owner: str, versions: Mapping[ObjectId, int]) -> int:
        """Note that deleted documents exist again: ``versions`` maps ids to their new versions.

        Return how many were marked. Only earlier versions are: whoever deletes the document
        meanwhile keeps a later one.
        """
        theirs = cls.objects(**cls.document_class.whose(owner))
        writes = [
            UpdateMany(
                theirs.filter(document_id=id, version__lt=version, deleted_at__ne=None)._query,
                {"$unset": {cls.deleted_at.db_field: True}},
            )
            for id, version in versions.items()
        ]
        if not writes:
            return 0
        marked: int = cls._get_collection().bulk_write(writes, ordered=False).modified_count
        return marked

    def restore(self) -> ResourceDocument:
        """Store a deleted document again, as a version that it never had.

        It keeps its id, or gets a new one if somebody else has a document of that id by now, which
        imports of an earlier release made possible. Raises OverQuota, and mongoengine's
        NotUniqueError if the owner has this document, or one like it.
        """
        whose = self.document_class.whose(self.owner)
        versions = type(self).objects(**whose, document_id=self.document_id)
        last = versions.only("version").order_by("-version").first()
        document = self.as_document((last or self).version + 1, now())
        try:
            document.add()
        except NotUniqueError:
            if self.document_class.objects.of(self.owner).filter(id=document.id).first():
                raise
            document.id = new_id(document.created)  # lists follow the order of the ids
            document.add()
        self.mark_restored(self.owner, {self.document_id: document.version})
        return document

    @classmethod
    def forget_deleted(cls, owner: str, limit: int) -> int:
        """Delete all versions of at most ``limit`` deleted documents; return how many these were.

        A document that exists keeps its history, even if a crash left it marked as deleted.
        """
        theirs, document_id = cls.document_class.owned_by(owner), cls.document_id.db_field
        deleted = theirs | {"deleted_at": {"$ne": None}}
        rows = cls._get_collection().find(deleted, {document_id: True}, limit=limit)
        ids = [row[document_id] for row in rows]
        existing = {
            document.id: document.version
            for document in cls.document_class.objects.of(owner).filter(id__in=ids).only("version")
        }
        marked = cls.mark_restored(owner, existing)
        gone = [id for id in ids if id not in existing]
        if gone:
            cls._get_collection().delete_many(theirs | {document_id: {"$in": gone}})
        return len(gone) + marked

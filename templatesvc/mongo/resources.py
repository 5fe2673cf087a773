"""Documents with versions, times and history: a resource is a class that says its fields.

Each change is one conditional write that the database decides, and then one entry of history. The
base class says whether documents have owners: see ``owned`` and ``shared``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Self

import bson
from bson import ObjectId
from django.conf import settings
from mongoengine.errors import NotUniqueError
from pymongo import ReturnDocument

from templatesvc.mongo.amounts import Amount, amount_of, size_of
from templatesvc.mongo.clock import now
from templatesvc.mongo.declarations import ResourceMetaclass
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import not_unique
from templatesvc.mongo.fields import RawField, TypedField, default_of, default_of_older
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.ids import moment_of, new_id
from templatesvc.mongo.names import Names
from templatesvc.mongo.querysets import KeysetQuerySet
from templatesvc.mongo.quota import Usage
from templatesvc.mongo.values import strings_in
from templatesvc.mongo.versions import VersionField, version_query

Values = dict[str, Any]


class ResourceQuerySet(KeysetQuerySet):
    """Documents to find and to change under conditions: ``Thing.objects.of(username)``."""

    # An _id begins with the time of its making.
    orders: ClassVar = {"created_at": ("id",)}

    _owner: str | None = None
    _seen: ResourceDocument | None = None

    def of(self, owner: str | None) -> Self:
        """Narrow to the documents of the user of this name; not if documents have no owners."""
        whose = self._document.whose(owner)
        found = self.filter(**whose)
        found._owner = whose.get("owner")
        return found

    def created(self, is_after: bool, moment: datetime) -> Self:
        """Narrow to what was created after a moment, or before."""
        return self.filter(**{f"created_at__{'gt' if is_after else 'lt'}": moment})

    @property
    def large_fields(self) -> set[str]:
        fields, orderings = self._document._fields, self._document._meta.get("orderings", [])
        free = {name for name in self._document.own_fields if isinstance(fields[name], RawField)}
        return free - {*orderings}

    def as_seen(self, seen: ResourceDocument) -> Self:
        """Narrow to the document in the very state that was read."""
        found = self.filter(__raw__=seen.state_query)
        found._seen = seen
        return found

    def first(self) -> Any:
        """Return the document found, or None; MongoEngine takes 30 µs longer."""
        row = self._collection.find_one(self._query, sort=self._ordering)
        return None if row is None else self._document._from_son(row)

    def replace(self, values: Values) -> Any:
        """Give the document found new values, one for each of its own fields; None empties a field.

        Return the changed document, or None if none was found. Raises OverQuota, and mongoengine's
        NotUniqueError if the owner has one like it already.
        """
        moment = now()
        replaced = self._update(self._document.replacement(values, moment), values)
        if replaced is not None:
            replaced.updated_at = moment
            replaced.version += 1
        return replaced

    def _update(self, change: Any, values: Values) -> Any:
        """Do the write and keep the old state; return the document with the new values."""
        amount, moment = Amount(bytes=size_of(self._document.stored(values))), now()
        with Usage.reserved(self._owner, amount), not_unique():
            document = self._changed(change)
        if document is None:
            Usage.give_back(self._owner, amount)
            return None
        Usage.free(self._owner, document.keep_version(), until=moment)
        for name, value in values.items():
            setattr(document, name, value)
        if len(values) < len(document.own_fields):  # the others stay, and are in the history, too
            Usage.charge(self._owner, Amount(bytes=document.bson_size - amount.bytes))
        return document

    def remove(self) -> Any:
        """Delete the document found, one if there are several; return it, or None."""
        moment = now()
        document = self._deleted()
        if document is None:
            return None
        freed = document.keep_version(deleted_at=now())
        Usage.free(self._owner, freed._replace(documents=1), until=moment)
        return document

    # Each returns the document as it was, or None if none was found. If the document was read
    # before, the count of a conditional write tells, on any server, whether it still was in that
    # state. Otherwise the server returns what it found. Some servers that speak MongoDB's protocol
    # return the wrong state under parallel writes: then the history may lack one.

    def _changed(self, change: Any) -> Any:
        if self._seen:
            is_changed = self._collection.update_one(self._query, change).matched_count
            return self._seen.copy() if is_changed else None
        before = self._collection.find_one_and_update(
            self._query, change, return_document=ReturnDocument.BEFORE
        )
        return None if before is None else self._document._from_son(before)

    def _deleted(self) -> Any:
        if self._seen:
            is_deleted = self._collection.delete_one(self._query).deleted_count
            return self._seen if is_deleted else None
        before = self._collection.find_one_and_delete(self._query)
        return None if before is None else self._document._from_son(before)


class ResourceDocument(ServiceDocument, metaclass=ResourceMetaclass):
    """What OwnedDocument and SharedDocument have in common.

    A subclass declares its own fields. ``orderings`` in its ``meta`` names those by which lists can
    be sorted.
    """

    id = RawField(primary_key=True, default=ObjectId)
    owner: Any = None  # the owner's username; None if the class has no such field
    version = VersionField()
    created_at = TypedField(datetime)
    updated_at = TypedField(datetime)

    meta = {"abstract": True, "queryset_class": ResourceQuerySet}

    names: ClassVar[Names]
    own_fields: ClassVar[tuple[str, ...]]
    Version: ClassVar[type[DocumentVersion]]

    @classmethod
    def whose(cls, owner: str | None) -> Values:  # noqa: ARG003
        """Return the field that names a document's owner; nothing if documents have no owners."""
        return {}

    @classmethod
    def owned_by(cls, owner: str | None) -> dict[str, Any]:
        """Return the query for all documents, or old versions, of a user."""
        return {cls._fields[name].db_field: value for name, value in cls.whose(owner).items()}

    # --- Making ------------------------------------------------------------------------------

    @classmethod
    def create(cls, owner: str | None, values: Values, id: ObjectId | None = None) -> Self:
        """Store a new document; raises OverQuota, or NotUniqueError if the owner has one like it.

        With an ``id`` of ``new_id`` it is created once: a second call returns what the first has
        stored. If the owner was erased since the request's session was checked, the erasure deletes
        this document before it frees the name.
        """
        moment = moment_of(id) if id else now()
        document = cls(
            id=id or new_id(moment),
            created_at=moment,
            updated_at=moment,
            **cls.whose(owner),
            **values,
        )
        try:
            return document.add()
        except NotUniqueError:
            stored = cls.objects.of(owner).filter(id=id).first() if id else None
            if stored is None:
                raise
            return stored

    def add(self) -> Self:
        """Store this new document; raises OverQuota, and mongoengine's NotUniqueError."""
        with Usage.reserved(self.owner, Amount(1, self.bson_size)):
            return self.insert()

    # --- What it holds -----------------------------------------------------------------------

    @property
    def own_values(self) -> Values:
        """Its own fields, by their names."""
        return {name: getattr(self, name) for name in self.own_fields}

    @classmethod
    def default_of(cls, name: str) -> Any:
        """Return the value that a field has in a new document if nobody gives it one."""
        return default_of(cls._fields[name])

    @classmethod
    def default_of_older(cls, name: str) -> Any:
        """Return the value that a field has in a document that lacks it."""
        return default_of_older(cls._fields[name])

    @classmethod
    def stored(cls, values: Values) -> dict[str, Any]:
        """Return values as the store has them; what is None is not there."""
        given = ((cls._fields[name], value) for name, value in values.items() if value is not None)
        return {field.db_field: field.to_mongo(value) for field, value in given}

    @property
    def bson_size(self) -> int:
        """The bytes that it counts in its owner's quota."""
        return size_of(self.stored(self.own_values))

    @property
    def created(self) -> datetime:
        """When it was created."""
        return self.created_at

    @property
    def updated(self) -> datetime:
        """When it was last changed."""
        return self.updated_at

    def contains(self, needle: str, fields: tuple[str, ...]) -> bool:
        """Tell whether a text in one of the fields contains the needle, which is case-folded."""
        texts = (text for name in fields for text in strings_in(getattr(self, name)))
        return any(needle in text.casefold() for text in texts)

    # --- Which state it is in ----------------------------------------------------------------

    @property
    def state_query(self) -> dict[str, Any]:
        """The query for this state, of the document that another query finds."""
        return {"version": version_query(self.version)}

    @property
    def etag(self) -> str:
        """The strong entity tag of this state (RFC 9110, section 8.8.3).

        It depends on the values as well as on the version: a document that was deleted and made
        again under its id has another tag.
        """
        digest = hashlib.sha256(bson.encode(self.stored(self.own_values))).hexdigest()
        return f'"{self.version}-{digest[:20]}"'

    @classmethod
    def replacement(cls, values: Values, moment: datetime) -> list[dict[str, Any]]:
        """Return the update that gives a document new values, as its next version.

        It is a pipeline, because another program may have stored a version that is no number.
        """
        stored = {name: {"$literal": value} for name, value in cls.stored(values).items()}
        version = VersionField.next_one()
        emptied = [cls._fields[name].db_field for name, value in values.items() if value is None]
        change = {"$set": stored | {"version": version, "updated_at": moment}}
        # Not $unset, which does the same, because mongomock does not know it in a pipeline.
        return [change, {"$project": dict.fromkeys(emptied, 0)}] if emptied else [change]

    # --- What it was -------------------------------------------------------------------------

    def keep_version(self, deleted_at: datetime | None = None) -> Amount:
        """Put this state, which is over, into the history; return the room that is freed."""
        return Amount(bytes=self.Version.keep(self, deleted_at))

    @property
    def freed(self) -> Amount:
        """The room that is freed at least if another state replaces this: none with a history."""
        return Amount(0, 0 if settings.HISTORY_VERSIONS else self.bson_size)

    # --- All of a user's ---------------------------------------------------------------------

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any] | None:
        return cls.owned_by(user.get_username()) or None

    def exported(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            **self.stored(self.own_values),
            "version": self.version,
            "created_at": self.created,
            "updated_at": self.updated,
        }

    @classmethod
    def amount_of(cls, owner: str) -> Amount:
        """Return how many documents an owner has, and their bytes, history included."""
        theirs, fields = cls.owned_by(owner), [cls._fields[f].db_field for f in cls.own_fields]
        documents = amount_of(cls, theirs, fields)
        versions = amount_of(cls.Version, theirs, fields)
        return Amount(documents.documents, documents.bytes + versions.bytes)

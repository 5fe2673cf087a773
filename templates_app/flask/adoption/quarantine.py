"""The quarantine: documents that were taken out of the Flask service's collections, and why."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import bson
from mongoengine import BinaryField, DateTimeField, DictField, StringField
from mongoengine.queryset import QuerySet
from pymongo import UpdateMany
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from accounts.documents import User
from accounts.transfer import SECRET
from templates_app.documents import Template
from templates_app.flask.adoption.equality import having
from templates_app.flask.adoption.flask_data import BATCH, Raw, templates, users
from templatesvc.mongo import indexes
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.fields import RawField
from templatesvc.mongo.keysets import either
from templatesvc.mongo.store import CODEC
from templatesvc.mongo.values import depth_of

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]

# A document may have 16 MB and, on MongoDB, 180 levels. A copy has less room for it, because the
# copy has fields of its own, and the document's id a second time.
MAX_COPIED_SIZE = 7 * 2**20  # bytes of BSON
DEEPEST_COPIED = 100
NAMES = ("username", "profile")
IN_QUARANTINE = "left_in_quarantine"  # what became of a document


class Quarantined(ServiceDocument):
    """A copy of a document before it was taken out, or of the fields that were changed, and why.

    The copy is stored before the document is removed, so that an interrupted run can be repeated
    and nothing is ever lost. The key is a digest of the whole document, because an id may come
    again: people who register at the Flask service can choose it.
    """

    id = StringField(primary_key=True)
    collection = StringField(required=True)
    document_id = RawField()
    document = RawField(required=True)
    # A document that is too large or too deep for its copy, as compressed BSON: texts and JSON's
    # numbers always shrink enough. ``document`` then has only names.
    packed = BinaryField()
    reason = StringField(required=True)
    at = DateTimeField(required=True, default=now)
    change = DictField()  # of a document that stayed: the fields that were set in it

    meta = {"collection": "quarantine"}

    @classmethod
    def take_out(cls, collection: Collection[Raw], batch: list[Raw], reason: str) -> int:
        """Move documents here, unless they were changed since they were read; return how many."""
        new = cls.keep(collection, batch, reason)
        # One after the other, because the removal of one may decide about the rest.
        gone = [
            _key(collection, document)
            for document in batch
            if collection.delete_one(_unchanged(document)).deleted_count
        ]
        cls._discard(new - set(gone))
        return len(gone)

    @classmethod
    def change_one(
        cls, collection: Collection[Raw], document: Raw, reason: str, **change: Any
    ) -> int:
        """Set fields in a document and keep their old values; return 0 if it was changed since."""
        new = cls.keep(collection, [document], reason, change)
        done = collection.update_one(_unchanged(document), {"$set": change}).modified_count
        if not done:
            cls._discard(new)
        return done

    @classmethod
    def keep(
        cls, collection: Collection[Raw], batch: list[Raw], reason: str, change: Raw | None = None
    ) -> set[str]:
        """Store copies of documents, or of the fields that will be changed.

        Return the keys of those that were not there: a document may be found, and kept, twice.
        """
        # A run that was interrupted before the deletion may have stored the copy already.
        # UpdateMany with an _id, because mongomock knows no other bulk operation.
        copies = [
            UpdateMany(
                {"_id": _key(collection, document)},
                {
                    "$set": {
                        "collection": collection.name,
                        "reason": reason,
                        "at": now(),
                        "change": change or {},
                        **_copied(document, change),
                    }
                },
                upsert=True,
            )
            for document in batch
        ]
        stored = cls._get_collection().bulk_write(copies, ordered=False)
        return set((stored.upserted_ids or {}).values())

    @classmethod
    def _discard(cls, keys: set[str]) -> None:
        """Drop the copies of documents that were not removed or changed after all."""
        if keys:
            cls.objects(id__in=keys).delete()

    @classmethod
    def belonging_to(cls, owner: User) -> Raw:
        """Return the query for what was taken from a user, or from another of the same name."""
        name = {"$eq": owner.username}
        theirs = either([{"document.username": name}, {"document.profile": name}])
        changed = {"change": {"$ne": {}}, "document_id": {"$eq": owner.id}}
        return either([{"change": {}} | theirs, changed])

    def exported(self) -> Raw:
        document = {name: v for name, v in self.whole.items() if name not in SECRET}
        return {"document": document, "reason": self.reason, "at": self.at}

    @classmethod
    def counts(cls) -> dict[str, int]:
        """Return how many documents of each collection were taken out."""
        taken_out = cls.objects(change={})
        return {name: taken_out.filter(collection=name).count() for name in ("users", "templates")}

    @property
    def whole(self) -> Raw:
        """The document as it was."""
        return bson.decode(zlib.decompress(self.packed), CODEC) if self.packed else self.document

    @classmethod
    def packed_users(cls) -> QuerySet:
        """Return the packed copies of users, which are read a few at a time."""
        return cls.objects(collection="users", packed__ne=None).batch_size(BATCH).no_cache()

    def repack(self, whole: Raw) -> int:
        """Replace the document in a packed copy; return 0 if the copy was stored anew or is gone.

        The time tells that, because a query has no room for the bytes beside those of the update.
        """
        query = {"_id": self.id, "at": self.at}
        update = {"$set": {"packed": zlib.compress(bson.encode(whole))}}
        return self._get_collection().update_one(query, update).modified_count

    def put_back(self) -> str:
        """Undo what was done to the document; return the name of what was undone, if anything.

        If another document has its id by now, that document and the copy both stay.
        """
        collection = users() if self.collection == "users" else templates()
        done = self._change_back(collection) if self.change else self._insert(collection)
        if done != IN_QUARANTINE:
            self.delete()
        return done

    def _insert(self, collection: Collection[Raw]) -> str:
        whole = self.whole
        try:
            collection.insert_one(whole)
        except DuplicateKeyError:
            stored = collection.find_one(having("_id", [whole["_id"]]))
            # If it is the same, an earlier run was interrupted before it deleted the copy.
            return "" if stored and bson.encode(stored) == bson.encode(whole) else IN_QUARANTINE
        return f"{self.collection}_put_back"

    def _change_back(self, collection: Collection[Raw]) -> str:
        was = self.document
        restored: Raw = {"$set": was} if was else {"$unset": dict.fromkeys(self.change, "")}
        done = collection.update_one(having("_id", [self.document_id]) | self.change, restored)
        if was:
            # Templates belong to a name: new ones of the renamed user go back to the old name.
            theirs = {"profile": self.change["username"]}
            templates().update_many(theirs, {"$set": {"profile": was["username"]}})
        return "users_renamed_back" if done.modified_count else ""


def _key(collection: Collection[Raw], document: Raw) -> str:
    return f"{collection.name}/{hashlib.sha256(bson.encode(document)).hexdigest()}"


def _copied(document: Raw, change: Raw | None) -> Raw:
    """Return the fields of a copy that hold the document, or its fields that will be changed."""
    own = {"document_id": document["_id"], "packed": None}
    if change:
        return own | {"document": {name: document[name] for name in change if name in document}}
    data = bson.encode(document)
    if len(data) <= MAX_COPIED_SIZE and depth_of(document) <= DEEPEST_COPIED:
        return own | {"document": document}
    names = {name: document[name] for name in NAMES if isinstance(document.get(name), str)}
    return {"document_id": None, "document": names, "packed": zlib.compress(data)}


def _unchanged(document: Raw) -> Raw:
    """Return the query for a document in this very state."""
    # Names with a dot are left out, because they would be paths.
    return {
        name: {"$eq": value}
        for name, value in document.items()
        if not name.startswith("$") and "." not in name
    }


def undo(progress: Progress) -> dict[str, int]:
    """Put back what is in the quarantine, as the Flask service had it; return counts.

    The unique indexes are dropped first, because they would refuse duplicates.
    """
    done = Counter[str]()
    _drop_unique_indexes()
    total = Quarantined.objects.count()
    kept: Iterable[Quarantined] = Quarantined.objects.batch_size(BATCH).no_cache()
    for each in progress(kept, "quarantine", total):
        if what := each.put_back():
            done[what] += 1
    return done


def _drop_unique_indexes() -> None:
    for index in indexes.declared():
        if index.document in (User, Template) and index.options.get("unique"):
            index.drop()

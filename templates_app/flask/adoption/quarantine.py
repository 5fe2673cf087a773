"""The quarantine: what was taken out of the Flask service's collections, and why."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import bson
from mongoengine import BinaryField, DateTimeField, DictField, StringField
from pymongo import UpdateMany
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from accounts.documents import User
from accounts.transfer import SECRET
from templates_app.documents import Template
from templates_app.flask.adoption.flask_data import BATCH, Raw, templates, users
from templatesvc.mongo import indexes
from templatesvc.mongo.documents import RawField, ServiceDocument, now
from templatesvc.mongo.store import CODEC
from templatesvc.mongo.values import depth_of

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]

# A document may have 16 MB and, on MongoDB, 180 levels; within its copy there is less room, in
# which its id stands a second time.
LARGEST_COPIED = 7 * 2**20  # bytes of BSON
DEEPEST_COPIED = 100
NAMES = ("username", "profile")
IN_QUARANTINE = "left_in_quarantine"  # what became of a document


class Quarantined(ServiceDocument):
    """A document as it was before it was taken out, or of what was changed in it, and why.

    Its copy is there before it goes: what is cut off between the two is done again, and nothing is
    ever in neither place. The key is a digest of all of it, for an id may come again: at the Flask
    service whoever registers can choose it.
    """

    id = StringField(primary_key=True)
    collection = StringField(required=True)
    document_id = RawField()
    document = RawField(required=True)
    # All of a document that has no room in its copy, as compressed BSON, which text and JSON's
    # numbers always shrink by enough; ``document`` then has nothing but names.
    packed = BinaryField()
    reason = StringField(required=True)
    at = DateTimeField(required=True, default=now)
    change = DictField()  # of a document that stayed: the fields that were set in it

    meta = {"collection": "quarantine"}

    @classmethod
    def take_out(cls, collection: Collection[Raw], batch: list[Raw], reason: str) -> int:
        """Move documents here; return how many went: not those that somebody has changed since."""
        cls.keep(collection, batch, reason)
        # One after the other, because what goes first may decide about what is left.
        stayed = [
            document
            for document in batch
            if not collection.delete_one(_unchanged(document)).deleted_count
        ]
        cls._discard(collection, stayed)
        return len(batch) - len(stayed)

    @classmethod
    def change_one(
        cls, collection: Collection[Raw], document: Raw, reason: str, **change: Any
    ) -> int:
        """Set fields in a document and keep what they were; return 0 if it has changed since."""
        cls.keep(collection, [document], reason, change)
        done = collection.update_one(_unchanged(document), {"$set": change}).modified_count
        if not done:
            cls._discard(collection, [document])
        return done

    @classmethod
    def keep(
        cls, collection: Collection[Raw], batch: list[Raw], reason: str, change: Raw | None = None
    ) -> None:
        """Store copies of documents, or of those fields of them that are to change."""
        # A copy may be there already, from a run that was cut off before the deletion.
        # UpdateMany with an _id: of the bulk operations it is the one that mongomock knows.
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
        cls._get_collection().bulk_write(copies, ordered=False)

    @classmethod
    def _discard(cls, collection: Collection[Raw], stayed: list[Raw]) -> None:
        """Drop the copies of documents that neither went nor were changed."""
        if stayed:
            cls.objects(id__in=[_key(collection, document) for document in stayed]).delete()

    @classmethod
    def belonging_to(cls, owner: User) -> Raw:
        """Return the query for what was taken from a user, or from another of the same name."""
        name = {"$eq": owner.username}
        taken_out = {"change": {}, "$or": [{"document.username": name}, {"document.profile": name}]}
        changed = {"change": {"$ne": {}}, "document_id": {"$eq": owner.id}}
        return {"$or": [taken_out, changed]}

    def exported(self) -> Raw:
        document = {name: v for name, v in self.whole.items() if name not in SECRET}
        return {"document": document, "reason": self.reason, "at": self.at}

    @classmethod
    def counts(cls) -> dict[str, int]:
        """Return how many documents of each collection are here, and no longer there."""
        taken_out = cls.objects(change={})
        return {name: taken_out.filter(collection=name).count() for name in ("users", "templates")}

    @property
    def whole(self) -> Raw:
        """The document as it was."""
        return bson.decode(zlib.decompress(self.packed), CODEC) if self.packed else self.document

    def put_back(self) -> str:
        """Undo what was done to the document; return what that was, empty for nothing.

        Where another document has its id by now, that one stays, and so does the copy.
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
            stored = collection.find_one({"_id": {"$eq": whole["_id"]}})
            # If it is the same, this was cut off before the copy went.
            return "" if stored and bson.encode(stored) == bson.encode(whole) else IN_QUARANTINE
        return f"{self.collection}_put_back"

    def _change_back(self, collection: Collection[Raw]) -> str:
        was = self.document
        restored: Raw = {"$set": was} if was else {"$unset": dict.fromkeys(self.change, "")}
        done = collection.update_one({"_id": {"$eq": self.document_id}, **self.change}, restored)
        if was:
            # Templates are a name's: those of the time since go to where both users' are.
            theirs = {"profile": self.change["username"]}
            templates().update_many(theirs, {"$set": {"profile": was["username"]}})
        return "users_renamed_back" if done.modified_count else ""


def _key(collection: Collection[Raw], document: Raw) -> str:
    return f"{collection.name}/{hashlib.sha256(bson.encode(document)).hexdigest()}"


def _copied(document: Raw, change: Raw | None) -> Raw:
    """Return the fields of a copy that hold the document, or what changes in it."""
    own = {"document_id": document["_id"], "packed": None}
    if change:
        return own | {"document": {name: document[name] for name in change if name in document}}
    data = bson.encode(document)
    if len(data) <= LARGEST_COPIED and depth_of(document) <= DEEPEST_COPIED:
        return own | {"document": document}
    names = {name: document[name] for name in NAMES if isinstance(document.get(name), str)}
    return {"document_id": None, "document": names, "packed": zlib.compress(data)}


def _unchanged(document: Raw) -> Raw:
    """Return the query for a document in this very state."""
    # A name with a dot in it would be a path.
    return {
        name: {"$eq": value}
        for name, value in document.items()
        if not name.startswith("$") and "." not in name
    }


def undo(progress: Progress) -> dict[str, int]:
    """Put back what the quarantine holds, as the Flask service had it; return counts.

    The unique indexes go first, for they would not let duplicates back in.
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

"""The base of every document, which reads what other programs have written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple, Self

import mongoengine
from django.conf import settings
from django.utils.module_loading import import_string
from mongoengine.base import BaseField

from templatesvc.mongo.errors import not_unique
from templatesvc.mongo.fields import RawField, as_value, default_of_older


class Reader(NamedTuple):
    """How the value of a field is read from a stored document."""

    name: str
    stored_as: str
    convert: Callable[[Any], Any] | None  # None: the value stays as it is
    default: Any  # if there is no value; a class makes a new one each time
    is_id: bool


def _made_readers(document: type[ServiceDocument]) -> list[Reader]:
    as_it_is = BaseField.to_python, RawField.to_python
    return [
        Reader(
            name,
            field.db_field,
            None if type(field).to_python in as_it_is else field.to_python,
            field.default if isinstance(field.default, type) else default_of_older(field),
            field.primary_key,
        )
        for name, field in document._fields.items()
    ]


_readers: Callable[[Any], list[Reader]] = cache(_made_readers)


def base_of(name: str, default: type) -> Any:
    """Return the base class of a document: the one that ``DOCUMENT_BASES`` names, or the default.

    The setting names an abstract subclass of the default for a document, as in
    ``{"things.Thing": "legacy.documents.LegacyThing"}``.
    """
    path = settings.DOCUMENT_BASES.get(name)
    return import_string(path) if path else default


class ServiceDocument(mongoengine.Document):
    """A document of this service, read with tolerance for what another program put into it."""

    meta = {"abstract": True, "auto_create_index": False, "strict": False}

    # Its size in the store, in bytes of BSON; 0 unless a walk has read it.
    stored_size = 0
    # What the store has of it, where a walk found it. No field of anybody's has such a name.
    _row: dict[str, Any]

    @classmethod
    def _from_son(
        cls, son: dict[str, Any], _auto_dereference: bool = True, created: bool = False
    ) -> Self:
        """Return the document that was read, as MongoEngine's own would.

        MongoEngine takes 12 µs for a small document, in signals and setters; this takes 2. (It does
        not set the methods that return the label of a choice.)
        """
        document = cls.__new__(cls)
        values: dict[str, Any] = {}
        # Only fields of ours: a stored "_cls" would make MongoEngine load another class, a stored
        # "pk" would give the document another's identity.
        for name, stored_as, convert, default, is_id in _readers(cls):
            value = son.get(stored_as)
            if value is None and not (is_id and stored_as in son):  # null is an id, too
                values[name] = default() if isinstance(default, type) else default
            else:
                values[name] = convert(value) if convert else value
        state = {
            "_data": values,
            "_cls": cls._class_name,
            "_created": created,
            "_changed_fields": [],
            "_dynamic_fields": {},
            "_initialised": True,
        }
        for name, value in state.items():
            object.__setattr__(document, name, value)
        return document

    @classmethod
    def of_row(cls, row: tuple[int, dict[str, Any]]) -> Self:
        """Return the document of a row, which is its size in bytes and what it holds."""
        size, son = row
        document = cls._from_son(son)
        document.stored_size, document._row = size, son
        return document

    def copy(self) -> Self:
        """Return a document like this, whose fields can be set without changing this one's."""
        twin = self._from_son({})
        twin._data.update(self._data)
        return twin

    def insert(self) -> Self:
        """Store a new document; raises mongoengine's NotUniqueError.

        ``save(force_insert=True)`` does the same, and takes 50 µs longer.
        """
        self.validate()
        with not_unique():
            self._get_collection().insert_one(self.to_mongo())
        self._created = False
        self._changed_fields: list[str] = []
        return self

    @property
    def identity_query(self) -> dict[str, Any]:
        """The query for this very document, which one shard answers.

        It has the shard key beside the id. If the stored key has another type than its field, it
        was read as None and is left out: then every shard is asked.
        """
        sharded, _ = self._meta.get("shards_by", ("_id", 1))
        key = getattr(self, self._reverse_db_field_map[sharded])
        return {"_id": as_value(self.id)} | ({} if key is None else {sharded: as_value(key)})

    # --- What belongs to a user: it is in their export, and is erased with their account -------

    @classmethod
    def belonging_to(cls, user: Any) -> dict[str, Any] | None:  # noqa: ARG003
        """Return the query for what belongs to a user; None if nothing here belongs to anybody."""
        return None

    @classmethod
    def belongings(cls, user: Any) -> Iterator[tuple[type[ServiceDocument], dict[str, Any]]]:
        """Yield each class of documents that belong to users, and the query for this user's."""
        if user.get_username() is None:  # as the owner, None stands for nobody
            return
        for document in cls.concrete_classes():
            if (query := document.belonging_to(user)) is not None:
                yield document, query

    def exported(self) -> dict[str, Any]:
        """Return what the export of its owner says of it."""
        return {name: getattr(self, name) for name in self._fields_ordered}

    @classmethod
    def delete_some(cls, query: dict[str, Any], limit: int) -> int:
        """Delete at most ``limit`` documents that a query finds; return how many were deleted.

        Two round trips of bounded length: repeat it until nothing is left.
        """
        collection = cls._get_collection()
        ids = [row["_id"] for row in collection.find(query, {"_id": True}, limit=limit)]
        if not ids:
            return 0
        deleted: int = collection.delete_many({"_id": {"$in": ids}, **query}).deleted_count
        return deleted

    @classmethod
    def concrete_classes(cls) -> Iterator[type[ServiceDocument]]:
        """Yield every document class that has a collection, in the order of definition."""
        for subclass in cls.__subclasses__():
            if not subclass._meta.get("abstract"):
                yield subclass
            yield from subclass.concrete_classes()

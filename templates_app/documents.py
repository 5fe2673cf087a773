"""What users keep: templates, each a text or a JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self

import bson
from bson import ObjectId
from mongoengine import StringField
from mongoengine.queryset import QuerySet
from pymongo import ReturnDocument

from accounts.documents import User
from templatesvc.documents import RawField, ServiceDocument, TypedField, not_unique, now

MAX_TEXT_LENGTH = 100_000  # characters
MAX_OBJECT_SIZE = 1024 * 1024  # bytes of BSON
MAX_DEPTH = 32  # an object that holds no other is 1 deep
INT64 = range(-(2**63), 2**63)
SURROGATE = re.compile("[\ud800-\udfff]")


def check_value(value: Any) -> None:
    """Raise ValueError with a sentence if a JSON value can't be kept in MongoDB as it is."""
    for depth, item in _walk(value, 0):
        if depth > MAX_DEPTH:
            raise ValueError(f"It is nested more than {MAX_DEPTH} levels deep.")
        if isinstance(item, str) and SURROGATE.search(item):
            raise ValueError("A text in it is not valid Unicode: it has half of a surrogate pair.")
        if isinstance(item, int) and item not in INT64:
            raise ValueError("A number in it does not fit 64 bits.")
        if isinstance(item, float) and not -float("inf") < item < float("inf"):
            raise ValueError("A number in it is too large for a double.")
        if isinstance(item, dict):
            _check_keys(item)


def check_template(value: Any) -> None:
    """Raise ValueError with a sentence if the value can't be a template."""
    if not isinstance(value, str | dict):
        raise ValueError("A template is a text or a JSON object.")
    if value == "":
        raise ValueError("A template can't be an empty text.")
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"A text has at most {MAX_TEXT_LENGTH:,} characters, not {len(value):,}.")
    check_value(value)
    if isinstance(value, dict) and (size := len(bson.encode(value))) > MAX_OBJECT_SIZE:
        raise ValueError(f"An object has at most {MAX_OBJECT_SIZE:,} bytes of BSON, not {size:,}.")


def _walk(value: Any, depth: int) -> Iterator[tuple[int, Any]]:
    """Yield every value in a JSON value with how many objects and lists it is in, itself included.

    Iterative, and no deeper than is needed to see that it is too deep.
    """
    stack = [(value, depth)]
    while stack:
        item, depth = stack.pop()
        inner: list[Any] = []
        if isinstance(item, dict | list):
            depth += 1
            inner = list(item.values()) if isinstance(item, dict) else item
        yield depth, item
        stack.extend((child, depth) for child in inner)


def _check_keys(item: dict[str, Any]) -> None:
    for key in item:
        if key.startswith("$") or "." in key or "\0" in key:
            raise ValueError(
                f"The key {key!r} can't be kept: a key may not start with $ nor hold . or NUL."
            )
        if SURROGATE.search(key):
            raise ValueError("A key in it is not valid Unicode: it has half of a surrogate pair.")


class TemplateQuerySet(QuerySet):
    """Templates, always of one owner: ``Template.objects.of(owner)``."""

    def of(self, owner: User) -> Self:
        return self.filter(profile=owner.username)

    def replace(self, value: Any) -> Template | None:
        """Give the template found a new value; return it as it is now, or None if none was found.

        One write, which reads what it answers with. Raises mongoengine's NotUniqueError if the
        owner has such a template already.
        """
        with not_unique():
            son = self._collection.find_one_and_update(
                self._query, _new_value(value), return_document=ReturnDocument.AFTER
            )
        return None if son is None else Template._from_son(son)

    def replace_quickly(self, value: Any) -> bool:
        """Do as ``replace`` does, and tell only whether one was found."""
        with not_unique():
            return bool(self._collection.update_one(self._query, _new_value(value)).matched_count)

    def delete_first(self) -> bool:
        """Delete the template found, one if there are several; tell whether there was any."""
        return bool(self._collection.delete_one(self._query).deleted_count)


def _new_value(value: Any) -> list[dict[str, Any]]:
    """Return the update: a pipeline, because a document of the Flask service has no version."""
    return [
        {
            "$set": {
                "template": {"$literal": value},
                "version": {"$add": [{"$ifNull": ["$version", 1]}, 1]},
                "updated_at": now(),
            }
        }
    ]


class Template(ServiceDocument):
    """A text or an object of one owner's.

    The Flask service writes only ``profile`` and ``template``, and changes ``template`` without
    touching ``version``: every feature has to work on such a document.
    """

    id = RawField(primary_key=True, default=ObjectId)
    profile = StringField(required=True)
    template = RawField()
    version = TypedField(int, default=1)
    created_at = TypedField(datetime)
    updated_at = TypedField(datetime)

    meta = {
        "collection": "templates",
        "queryset_class": TemplateQuerySet,
        "indexes": [
            {"fields": ["profile", "template"], "unique": True},
            {"fields": ["profile", "-id"]},
        ],
    }

    @classmethod
    def create(cls, owner: User, value: Any) -> Self:
        """Store a new template; raises mongoengine's NotUniqueError if the owner has the same."""
        moment = now()
        template = cls(
            profile=owner.username, template=value, created_at=moment, updated_at=moment
        )
        return template.save(force_insert=True)

    @classmethod
    def delete_all_of(cls, owner: User) -> None:
        """Delete all that the owner has."""
        cls.objects.of(owner).delete()

    @property
    def created(self) -> datetime:
        """When it was created; of the Flask service's, the time in its ObjectId."""
        return self.created_at or self.id.generation_time

    @property
    def updated(self) -> datetime:
        return self.updated_at or self.created

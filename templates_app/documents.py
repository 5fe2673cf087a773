"""What users keep: templates, and the versions that they had."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple, Self

import bson
from bson import ObjectId
from django.conf import settings
from mongoengine import DateTimeField, IntField, Q, StringField
from mongoengine.errors import NotUniqueError
from mongoengine.queryset import QuerySet
from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateMany

from accounts.documents import User
from templates_app.values import strings_in
from templatesvc.documents import (
    RawField,
    ServiceDocument,
    TypedField,
    moment_of,
    new_id,
    not_unique,
    now,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TemplateQuerySet(QuerySet):
    """Templates, always of one owner: ``Template.objects.of(owner)``."""

    _needle: str = ""

    @property
    def position_class(self) -> type[Position]:
        return Position

    def _clone_into(self, new_qs: TemplateQuerySet) -> TemplateQuerySet:
        new_qs._needle = self._needle
        return super()._clone_into(new_qs)

    def of(self, owner: User) -> Self:
        return self.filter(profile=owner.username)

    def as_seen(self, seen: Template) -> Self:
        """Narrow to the very state that was read."""
        return self.filter(__raw__=seen.state)

    # --- Writing: each is one write that the database decides, and then one entry of history ---

    def replace(self, value: Any, as_flask: bool = False) -> Template | None:
        """Give the template found a new value; return it as it is then, or None if none was found.

        ``as_flask``: touch nothing else, as the Flask service does. Raises mongoengine's
        NotUniqueError if the owner has such a template already.
        """
        moment = now()
        change = {"$set": {"template": value}} if as_flask else new_value(value, moment)
        with not_unique():
            before = self._collection.find_one_and_update(
                self._query, change, return_document=ReturnDocument.BEFORE
            )
        if before is None:
            return None
        template = Template._from_son(before)
        TemplateVersion.keep(template)
        template.template = value
        if not as_flask:
            template.updated_at = moment
            template.version += 1
        return template

    def remove(self) -> bool:
        """Delete the template found, one if there are several; tell whether there was any."""
        before = self._collection.find_one_and_delete(self._query)
        if before is not None:
            TemplateVersion.keep(Template._from_son(before), deleted_at=now())
        return before is not None

    # --- Reading -----------------------------------------------------------------------------

    def first(self) -> Template | None:
        """Return the template found, or None; by MongoEngine it takes 30 µs longer."""
        row = self._collection.find_one(self._query, sort=self._ordering)
        return None if row is None else Template._from_son(row)

    def containing(self, text: str) -> Self:
        """Narrow to templates with this text in them, of whatever case."""
        found = self.clone()
        found._needle = text.casefold()
        return found

    def walk(
        self, by: str, descending: bool, after: Position | None = None, most: int = 0
    ) -> Iterator[Template]:
        """Yield the templates ordered by ``created_at`` or ``updated_at``, from a position on.

        ``most`` says how many will be taken, so that no more are read; 0 reads all.
        """
        walk = self._walk_created if by == "created_at" else self._walk_updated
        if not self._needle:
            return walk(descending, after, most)
        # A search looks at templates until it has found enough: how many can't be known.
        rows = walk(descending, after, 0)
        return (template for template in rows if template.contains(self._needle))

    def count_up_to(self, most: int) -> int:
        """Return how many there are; above ``most``, some number above it."""
        if not self._needle:
            return self.limit(most + 1).count(with_limit_and_skip=True)
        return sum(1 for _ in islice(self.walk("created_at", True), most + 1))

    def _walk_created(
        self, descending: bool, after: Position | None, most: int
    ) -> Iterator[Template]:
        # An _id begins with the time of its making.
        found = self.filter(**_beyond("id", descending, after.id)) if after else self
        order = [("_id", DESCENDING if descending else ASCENDING)]
        # By PyMongo's cursor: MongoEngine's copies the query for order and limit, 60 µs in all.
        return map(Template._from_son, self._collection.find(found._query, sort=order, limit=most))

    def _walk_updated(
        self, descending: bool, after: Position | None, most: int
    ) -> Iterator[Template]:
        """Merge what was updated here with what only the Flask service wrote, both in order."""
        way = "-" if descending else ""
        found = self.limit(most)
        updated, never = found.filter(updated_at__ne=None), found.filter(updated_at=None)
        if after:
            updated = found.filter(_beyond_both("updated_at", "id", descending, after))
            never = never.filter(**_never_updated_beyond(descending, after))
        # Generators, because merge() asks a stream for an iterator again, and a query starts anew.
        return merge(
            (row for row in updated.order_by(f"{way}updated_at", f"{way}id").no_cache()),
            (row for row in never.order_by(f"{way}id").no_cache()),
            key=lambda template: template.position,
            reverse=descending,
        )


class Position(NamedTuple):
    """Where a template stands in an order: by its last update, then by its id."""

    moment: datetime
    id: ObjectId

    def to_json(self) -> list[Any]:
        return [(self.moment - EPOCH) // timedelta(milliseconds=1), str(self.id)]

    @classmethod
    def from_json(cls, place: list[Any]) -> Position:
        return cls(EPOCH + timedelta(milliseconds=place[0]), ObjectId(place[1]))


def _beyond(field: str, descending: bool, value: Any) -> dict[str, Any]:
    return {f"{field}__{'lt' if descending else 'gt'}": value}


def _beyond_both(moment: str, id: str, descending: bool, after: Position) -> Q:
    """Return the bound on two fields of which the second decides where the first are equal."""
    # The bound on the first alone is what an index can use.
    return Q(**{f"{moment}__{'lte' if descending else 'gte'}": after.moment}) & (
        Q(**_beyond(moment, descending, after.moment)) | Q(**_beyond(id, descending, after.id))
    )


def _never_updated_beyond(descending: bool, after: Position) -> dict[str, Any]:
    """Return the bound on the ids of templates whose position is their id and its second."""
    start = ObjectId.from_datetime(after.moment)
    end = ObjectId.from_datetime(after.moment + timedelta(seconds=1))
    is_whole_second = after.moment.microsecond == 0
    if is_whole_second and start <= after.id < end:
        return _beyond("id", descending, after.id)
    bound = start if is_whole_second and after.id < start else end
    return {f"id__{'lt' if descending else 'gte'}": bound}


def new_value(value: Any, moment: datetime) -> list[dict[str, Any]]:
    """Return the update: a pipeline, because a document of the Flask service has no version."""
    return [
        {
            "$set": {
                "template": {"$literal": value},
                "version": {"$add": [{"$ifNull": ["$version", 1]}, 1]},
                "updated_at": moment,
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
            {"fields": ["profile", "-updated_at", "-id"]},
        ],
    }

    @classmethod
    def create(
        cls, owner: User, value: Any, id: ObjectId | None = None, as_flask: bool = False
    ) -> Self:
        """Store a new template; raises mongoengine's NotUniqueError if the owner has the same.

        With an ``id`` of ``new_id`` it is created once: a second call returns what the first has
        stored. ``as_flask``: with no fields but those that the Flask service knows.
        """
        moment = moment_of(id) if id else now()
        times = {} if as_flask else {"created_at": moment, "updated_at": moment}
        template = cls(id=id or new_id(moment), profile=owner.username, template=value, **times)
        try:
            return template.insert()
        except NotUniqueError:
            stored = cls.objects.of(owner).filter(id=id).first() if id else None
            if stored is None:
                raise
            return stored

    def to_mongo(self, *args: Any, **kwargs: Any) -> Any:
        son = super().to_mongo(*args, **kwargs)
        if "created_at" not in son:  # as the Flask service stores it
            son.pop("version", None)
        return son

    @classmethod
    def delete_all_of(cls, owner: User) -> None:
        """Delete all that the owner has and had."""
        cls.objects.of(owner).delete()
        TemplateVersion.objects(profile=owner.username).delete()

    @property
    def created(self) -> datetime:
        """When it was created; of the Flask service's, the time in its ObjectId."""
        return self.created_at or self.id.generation_time

    @property
    def updated(self) -> datetime:
        return self.updated_at or self.created

    @property
    def position(self) -> Position:
        return Position(self.updated, self.id)

    @property
    def state(self) -> dict[str, Any]:
        """The query for this state.

        The value is compared as well as the version, which the Flask service does not touch.
        """
        version = [self.version, None] if self.version == 1 else [self.version]
        return {"version": {"$in": version}, "template": {"$eq": self.template}}

    @property
    def etag(self) -> str:
        """The strong entity tag of this state (RFC 9110, section 8.8.3).

        Of the value as well as of the version, which the Flask service does not touch.
        """
        digest = hashlib.sha256(bson.encode({"template": self.template})).hexdigest()
        return f'"{self.version}-{digest[:20]}"'

    def contains(self, needle: str) -> bool:
        """Tell whether a text in it contains the needle, which is case-folded."""
        return not needle or any(needle in text.casefold() for text in strings_in(self.template))


class TemplateVersionQuerySet(QuerySet):
    """Old versions; those of deleted templates can be paged through."""

    position_class = Position

    def walk(
        self, by: str, descending: bool, after: Position | None = None, most: int = 0
    ) -> Iterator[TemplateVersion]:
        """Yield deleted templates ordered by ``deleted_at``, as ``TemplateQuerySet.walk`` does."""
        found = self.filter(_beyond_both(by, "template_id", descending, after)) if after else self
        way = "-" if descending else ""
        return iter(found.order_by(f"{way}{by}", f"{way}template_id").limit(most).no_cache())

    def count_up_to(self, most: int) -> int:
        """Return how many there are; above ``most``, some number above it."""
        return self.limit(most + 1).count(with_limit_and_skip=True)


class TemplateVersion(ServiceDocument):
    """A state that a template was in before a change, or before it was deleted.

    Kept in as many slots a template as the setting says, so that the newest takes the place of
    the oldest in the one write that stores it.
    """

    id = StringField(primary_key=True)
    template_id = RawField(required=True)
    profile = StringField(required=True)
    template = RawField()
    version = IntField(required=True)
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
    replaced_at = DateTimeField(required=True)
    deleted_at = DateTimeField()
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "template_versions",
        "queryset_class": TemplateVersionQuerySet,
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["profile", "template_id", "-version"]},
            {"fields": ["profile", "-deleted_at", "-template_id"]},
            # Of everybody's, for operators; only what is deleted costs an entry.
            {
                "fields": ["-deleted_at", "-id"],
                "partialFilterExpression": {"deleted_at": {"$type": "date"}},
            },
        ],
    }

    @classmethod
    def keep(cls, before: Template, deleted_at: datetime | None = None) -> None:
        """Store a state that is no more."""
        if settings.HISTORY_VERSIONS:
            slot, change = cls._slot(before, deleted_at)
            # Not a bulk write, of which the driver repeats only some kinds after a failover.
            cls._get_collection().update_one(slot, change, upsert=True)

    @classmethod
    def keep_all(cls, states: Iterable[Template]) -> None:
        """Store states that are no more, of any number of templates in one round trip."""
        if settings.HISTORY_VERSIONS and (slots := [cls._slot(before) for before in states]):
            # UpdateMany with an _id: of the bulk operations it is the one that mongomock knows.
            writes = [UpdateMany(slot, change, upsert=True) for slot, change in slots]
            cls._get_collection().bulk_write(writes, ordered=False)

    @classmethod
    def _slot(
        cls, before: Template, deleted_at: datetime | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the query and the update that store a state."""
        moment = now()
        slot = before.version % settings.HISTORY_VERSIONS
        fields = {
            "template_id": before.id,
            "profile": before.profile,
            "template": before.template,
            "version": before.version,
            "created_at": before.created,
            "updated_at": before.updated,
            "replaced_at": moment,
            "deleted_at": deleted_at,
            "expires_at": moment + settings.HISTORY_RETENTION,
        }
        return {"_id": f"{before.id}/{slot}"}, {"$set": fields}

    @classmethod
    def of(cls, owner: User, template_id: ObjectId | None = None) -> QuerySet:
        """Return the query of the owner's old versions, of one template or of all."""
        standing = cls.objects(profile=owner.username, expires_at__gt=now())
        return standing.filter(template_id=template_id) if template_id else standing

    @classmethod
    def deleted_of(cls, owner: User) -> QuerySet:
        """Return the query of the owner's deleted templates."""
        return cls.of(owner).filter(deleted_at__ne=None)

    @classmethod
    def last_of(cls, owner: User, ids: list[ObjectId]) -> dict[ObjectId, int]:
        """Return the number of the last version that each of the templates had, if it is known."""
        rows = cls._get_collection().aggregate(
            [
                {"$match": {"profile": owner.username, "template_id": {"$in": ids}}},
                {"$group": {"_id": "$template_id", "version": {"$max": "$version"}}},
            ]
        )
        return {row["_id"]: row["version"] for row in rows}

    @property
    def position(self) -> Position:
        return Position(self.deleted_at, self.template_id)

    @classmethod
    def stand_again(cls, owner: User, ids: list[ObjectId]) -> None:
        """Note that templates which may have been deleted are there again."""
        deleted = cls.objects(profile=owner.username, template_id__in=ids, deleted_at__ne=None)
        deleted.update(unset__deleted_at=True)

    def restore(self, owner: User) -> Template:
        """Store a deleted template again, under its id, as a version that it never had.

        Raises mongoengine's NotUniqueError if it is there, or the owner has such a template.
        """
        last = self.last_of(owner, [self.template_id]).get(self.template_id, self.version)
        template = Template(
            id=self.template_id,
            profile=self.profile,
            template=self.template,
            version=last + 1,
            created_at=self.created_at,
            updated_at=now(),
        )
        template.insert()
        self.stand_again(owner, [template.id])
        return template

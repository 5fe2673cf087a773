"""What users keep: templates, and the versions that they had."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

import bson
from bson import ObjectId
from django.conf import settings
from mongoengine import DateTimeField, StringField
from mongoengine.errors import NotUniqueError
from mongoengine.queryset import QuerySet
from pymongo import UpdateMany

from accounts.documents import User
from templates_app.querysets import Position, TemplateQuerySet, TemplateVersionQuerySet
from templates_app.values import MAX_VERSION, strings_in
from templatesvc.mongo.documents import (
    RawField,
    ServiceDocument,
    TypedField,
    moment_of,
    new_id,
    now,
)
from templatesvc.mongo.quota import Amount, Usage, amount_of, size_of


class VersionField(RawField):
    """The number of a version: the whole part of a number from 1 to MAX_VERSION.

    What is stored of any other kind counts as 1, here as in ``Template.state`` and ``new_value``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default=1, **kwargs)

    def to_python(self, value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return int(value) if is_number and 1 <= value <= MAX_VERSION else 1


class Template(ServiceDocument):
    """A text or an object of one owner's.

    The Flask service writes only ``profile`` and ``template``, and changes ``template`` without
    touching ``version``: every feature has to work on such a document.
    """

    id = RawField(primary_key=True, default=ObjectId)
    profile = StringField(required=True)
    template = RawField()
    version = VersionField()
    created_at = TypedField(datetime)
    updated_at = TypedField(datetime)

    meta = {
        "collection": "templates",
        "shards_by": ("profile", 1),
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
        """Store a new template; raises OverQuota, or NotUniqueError if the owner has the same.

        With an ``id`` of ``new_id`` it is created once: a second call returns what the first has
        stored. ``as_flask``: with no fields but those that the Flask service knows.

        What is stored of an owner who was erased since the request's look at the session is
        deleted before their name is free again.
        """
        moment = moment_of(id) if id else now()
        times = {} if as_flask else {"created_at": moment, "updated_at": moment}
        template = cls(id=id or new_id(moment), profile=owner.username, template=value, **times)
        try:
            with Usage.reserved(owner.username, Amount(1, size_of(value))):
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
    def delete_some_of(cls, owner: User, most: int) -> int:
        """Delete some of what the owner has, or else had; return how many."""
        theirs = {"profile": owner.username}
        return cls.delete_some(theirs, most) or TemplateVersion.delete_some(theirs, most)

    @classmethod
    def amount_of(cls, owner: str) -> Amount:
        """Return how many templates an owner has, and how many bytes with all that they were."""
        theirs = {"profile": owner}
        templates = amount_of(cls, theirs, "template")
        versions = amount_of(TemplateVersion, theirs, "template")
        return Amount(templates.documents, templates.bytes + versions.bytes)

    @property
    def forgotten(self) -> Amount:
        """What this state no longer takes once another is in its place: nothing, with history."""
        return Amount(0, 0 if settings.HISTORY_VERSIONS else size_of(self.template))

    def keep_version(self, deleted_at: datetime | None = None) -> None:
        """Put this state, which is no more, into the history."""
        TemplateVersion.keep(self, deleted_at)

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
        version: dict[str, Any] = {"$gte": self.version, "$lt": self.version + 1}
        if self.version == 1:
            version = {"$not": {"$gte": 2, "$lte": MAX_VERSION}}
        return {"version": version, "template": {"$eq": self.template}}

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


class TemplateVersion(ServiceDocument):
    """A state that a template was in before a change, or before it was deleted.

    Kept in as many slots a template as the setting says, so that the newest takes the place of
    the oldest in the one write that stores it.
    """

    id = StringField(primary_key=True)
    template_id = RawField(required=True)
    profile = StringField(required=True)
    template = RawField()
    version = VersionField(required=True)
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
    replaced_at = DateTimeField(required=True)
    deleted_at = DateTimeField()
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "template_versions",
        "shards_by": ("profile", 1),
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
        # With the owner: who imports an id that somebody has deleted has a history of their own. As
        # a digest, because a name may be any text of any length, and operators' URLs hold this.
        owner = hashlib.sha256(before.profile.encode()).hexdigest()
        query = {"_id": f"{before.id}/{slot}/{owner}", "profile": fields.pop("profile")}
        return query, {"$set": fields}

    @classmethod
    def of(cls, owner: User, template_id: ObjectId | None = None) -> QuerySet:
        """Return the query of the owner's old versions, of one template or of all."""
        standing = cls.objects(profile=owner.username, expires_at__gt=now())
        return standing.filter(template_id=template_id) if template_id else standing

    @classmethod
    def forget_deleted(cls, owner: User, most: int) -> int:
        """Delete all that is kept of some deleted templates; return of how many."""
        theirs, deleted = {"profile": owner.username}, {"deleted_at": {"$ne": None}}
        rows = cls._get_collection().find(theirs | deleted, {"template_id": True}, limit=most)
        ids = [row["template_id"] for row in rows]
        if ids:
            cls._get_collection().delete_many(theirs | {"template_id": {"$in": ids}})
        return len(ids)

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
        return {row["_id"]: cls.version.to_python(row["version"]) for row in rows}

    @property
    def position(self) -> Position:
        return Position(self.deleted_at, self.template_id)

    @classmethod
    def stand_again(cls, owner: User, ids: list[ObjectId]) -> None:
        """Note that templates which may have been deleted are there again."""
        deleted = cls.objects(profile=owner.username, template_id__in=ids, deleted_at__ne=None)
        deleted.update(unset__deleted_at=True)

    def restore(self, owner: User) -> Template:
        """Store a deleted template again, as a version that it never had.

        Under its id; if somebody else has a template of that id by now, as an import of an earlier
        version could bring about, under a new one. Raises OverQuota, and mongoengine's
        NotUniqueError if it is there, or the owner has such a template.
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
        with Usage.reserved(owner.username, Amount(1, size_of(self.template))):
            try:
                template.insert()
            except NotUniqueError:
                if Template.objects.of(owner).filter(id=template.id).first():
                    raise
                # Templates are listed in the order of their ids.
                template.id = new_id(template.created)
                template.insert()
        self.stand_again(owner, [self.template_id])
        return template

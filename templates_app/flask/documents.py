"""Templates that the Flask service may have written, and how they are sorted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import Any, Self

from bson import ObjectId
from mongoengine import Q

from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import FIRST_MOMENT, nearest, new_id
from templatesvc.mongo.keysets import Position
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.resources import ResourceQuerySet


class FlaskTemplateQuerySet(ResourceQuerySet):
    """Templates, some of which have no times: that of their ObjectId counts instead."""

    def replace_as_flask(self, value: Any) -> Any:
        """Give the template found a new value and change nothing else, like the Flask service.

        Return it, or None if none was found; raises as ``replace`` does.
        """
        return self._update({"$set": {"template": value}}, {"template": value})

    def created(self, is_after: bool, moment: datetime) -> Self:
        # ObjectIds of the Flask service hold the time to the second.
        whole = moment.replace(microsecond=0)
        is_whole = moment == whole and not is_after
        bound = ObjectId.from_datetime(whole if is_whole else whole + timedelta(seconds=1))
        comparison, flask_comparison = ("gt", "gte") if is_after else ("lt", "lt")
        return self.filter(
            Q(**{f"created_at__{comparison}": moment})
            | Q(created_at=None, **{f"id__{flask_comparison}": bound})
        )

    def position_of(self, document: Any, by: str) -> Position:
        if by == "updated_at":
            return [document.updated, document.id]
        return super().position_of(document, by)

    def _may_be_null(self, by: str) -> bool:
        return by != "updated_at" and super()._may_be_null(by)

    def walk(
        self, by: str, descending: bool, after: Position | None = None, limit: int = 0
    ) -> Iterator[Any]:
        """Yield the templates in an order; see ``KeysetQuerySet.walk``.

        A template that only the Flask service wrote has no time of an update, and is sorted by its
        creation.
        """
        walk = super().walk
        if by != "updated_at":
            return walk(by, descending, after, limit)
        never = self.filter(updated_at=None)
        if after:
            never = never.filter(**_never_updated_beyond(descending, *after))
        return merge(
            super(FlaskTemplateQuerySet, self.filter(updated_at__ne=None)).walk(
                by, descending, after, limit
            ),
            super(FlaskTemplateQuerySet, never).walk("created_at", descending, None, limit),
            key=lambda template: (template.updated, template.id),
            reverse=descending,
        )


def _never_updated_beyond(descending: bool, moment: datetime, id: ObjectId) -> dict[str, Any]:
    """Return the bound on the ids of templates that are sorted by the time in their ids."""
    comparison, moment = "lt" if descending else "gt", nearest(moment)
    start = ObjectId.from_datetime(moment)
    end = ObjectId.from_datetime(moment + timedelta(seconds=1))
    is_whole_second = moment.microsecond == 0
    if is_whole_second and start <= id < end:
        return {f"id__{comparison}": id}
    bound = start if is_whole_second and id < start else end
    return {f"id__{'lt' if descending else 'gte'}": bound}


class FlaskTemplate(OwnedDocument):
    """A template that the Flask service may have written.

    That service writes only ``profile`` and ``template``, and changes ``template`` without
    ``version``. Every feature has to work on such a document.
    """

    meta = {"abstract": True, "queryset_class": FlaskTemplateQuerySet}

    template: Any

    @classmethod
    def create_as_flask(cls, owner: str, value: Any) -> Self:
        """Store a new template with only the fields that the Flask service knows.

        Raises OverQuota, and NotUniqueError if the owner has the same.
        """
        return cls(id=new_id(now()), owner=owner, template=value).add()

    def to_mongo(self, *args: Any, **kwargs: Any) -> Any:
        son = super().to_mongo(*args, **kwargs)
        if "created_at" not in son:  # as the Flask service stores it
            son.pop("version", None)
        return son

    @classmethod
    def stored(cls, values: dict[str, Any]) -> dict[str, Any]:
        stored = super().stored(values)
        if "template" in values:  # the Flask service took null, too
            stored["template"] = values["template"]
        return stored

    @property
    def created(self) -> datetime:
        """When it was created; if that was not stored, the time in its ObjectId.

        Another program may have stored an id without a time: ``adopt`` takes such templates out.
        """
        made = self.id.generation_time if isinstance(self.id, ObjectId) else FIRST_MOMENT
        return self.created_at or made

    @property
    def updated(self) -> datetime:
        return self.updated_at or self.created

    @property
    def state_query(self) -> dict[str, Any]:
        """The query for this state and value: the Flask service does not change the version."""
        return super().state_query | {"template": {"$eq": self.template}}

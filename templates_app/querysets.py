"""Templates in their orders, among them those that only the Flask service wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import Any

from bson import ObjectId

from templatesvc.mongo.owned import OwnedQuerySet
from templatesvc.mongo.querysets import Place


class TemplateQuerySet(OwnedQuerySet):
    """Templates, always of one owner: ``Template.objects.of(username)``."""

    large_fields = frozenset({"template"})

    def replace_as_flask(self, value: Any) -> Any:
        """Give the template found a new value, and touch nothing else, as the Flask service does.

        Return it, or None if none was found; raises as ``replace`` does.
        """
        return self._update({"$set": {"template": value}}, {"template": value})

    def place_of(self, document: Any, by: str) -> Place:
        if by == "updated_at":
            return [document.updated, document.id]
        return super().place_of(document, by)

    def _may_be_null(self, by: str) -> bool:
        return by != "updated_at" and super()._may_be_null(by)

    def walk(
        self, by: str, descending: bool, after: Place | None = None, most: int = 0
    ) -> Iterator[Any]:
        """Yield the templates in an order; see ``KeysetQuerySet.walk``.

        What only the Flask service wrote has no time of an update: it stands where it was made.
        """
        walk = super().walk
        if by != "updated_at":
            return walk(by, descending, after, most)
        never = self.filter(updated_at=None)
        if after:
            never = never.filter(**_never_updated_beyond(descending, *after))
        return merge(
            super(TemplateQuerySet, self.filter(updated_at__ne=None)).walk(
                by, descending, after, most
            ),
            super(TemplateQuerySet, never).walk("created_at", descending, None, most),
            key=lambda template: (template.updated, template.id),
            reverse=descending,
        )


def _never_updated_beyond(descending: bool, moment: datetime, id: ObjectId) -> dict[str, Any]:
    """Return the bound on the ids of templates that stand by their id and its second."""
    comparison = "lt" if descending else "gt"
    start = ObjectId.from_datetime(moment)
    end = ObjectId.from_datetime(moment + timedelta(seconds=1))
    is_whole_second = moment.microsecond == 0
    if is_whole_second and start <= id < end:
        return {f"id__{comparison}": id}
    bound = start if is_whole_second and id < start else end
    return {f"id__{'lt' if descending else 'gte'}": bound}

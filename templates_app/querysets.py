"""Templates in an order, page by page, and the writes that the database decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from bson import ObjectId
from mongoengine import Q
from pymongo import ASCENDING, DESCENDING, ReturnDocument

from templates_app.values import MAX_VERSION
from templatesvc.mongo.documents import not_unique, now
from templatesvc.mongo.querysets import KeysetQuerySet
from templatesvc.mongo.quota import Amount, Usage, size_of
from templatesvc.mongo.walks import Order, walk

if TYPE_CHECKING:
    from accounts.documents import User
    from templates_app.documents import Template, TemplateVersion

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """Where a template stands in an order: by its last update, then by its id."""

    moment: datetime
    id: ObjectId

    def to_json(self) -> list[Any]:
        return [(self.moment - EPOCH) // timedelta(milliseconds=1), str(self.id)]

    @classmethod
    def from_json(cls, place: list[Any]) -> Position:
        return cls(EPOCH + timedelta(milliseconds=place[0]), ObjectId(place[1]))


class TemplateQuerySet(KeysetQuerySet):
    """Templates, always of one owner: ``Template.objects.of(owner)``."""

    position_class = Position
    large_fields = frozenset({"template"})

    _needle: str = ""
    _owner: str = ""

    def _clone_into(self, new_qs: TemplateQuerySet) -> TemplateQuerySet:
        new_qs._needle, new_qs._owner = self._needle, self._owner
        return super()._clone_into(new_qs)

    def of(self, owner: User) -> Self:
        return self.of_name(owner.username)

    def of_name(self, owner: str) -> Self:
        found = self.filter(profile=owner)
        found._owner = owner
        return found

    def as_seen(self, seen: Template) -> Self:
        """Narrow to the very state that was read."""
        return self.filter(__raw__=seen.state)

    # --- Writing: each is one write that the database decides, and then one entry of history ---

    def replace(self, value: Any, as_flask: bool = False) -> Template | None:
        """Give the template found a new value; return it as it is then, or None if none was found.

        ``as_flask``: touch nothing else, as the Flask service does. Raises OverQuota, and
        mongoengine's NotUniqueError if the owner has such a template already.
        """
        moment, amount = now(), Amount(bytes=size_of(value))
        change = {"$set": {"template": value}} if as_flask else new_value(value, moment)
        with Usage.reserved(self._owner, amount), not_unique():
            before = self._collection.find_one_and_update(
                self._query, change, return_document=ReturnDocument.BEFORE
            )
        if before is None:
            Usage.give_back(self._owner, amount)
            return None
        template = self._document._from_son(before)
        template.keep_version()
        Usage.give_back(self._owner, template.forgotten)
        template.template = value
        if not as_flask:
            template.updated_at = moment
            template.version += 1
        return template

    def remove(self) -> bool:
        """Delete the template found, one if there are several; tell whether there was any."""
        before = self._collection.find_one_and_delete(self._query)
        if before is None:
            return False
        template = self._document._from_son(before)
        template.keep_version(deleted_at=now())
        Usage.give_back(self._owner, template.forgotten._replace(documents=1))
        return True

    # --- Reading -----------------------------------------------------------------------------

    def first(self) -> Template | None:
        """Return the template found, or None; by MongoEngine it takes 30 µs longer."""
        row = self._collection.find_one(self._query, sort=self._ordering)
        return None if row is None else self._document._from_son(row)

    def containing(self, text: str) -> Self:
        """Narrow to templates with this text in them, of whatever case."""
        found = self.clone()
        found._needle = text.casefold()
        return found

    def walk(
        self, by: str, descending: bool, after: Position | None = None, most: int = 0
    ) -> Iterator[Template]:
        """Yield the templates ordered by ``created_at`` or ``updated_at``."""
        walked = self._walk_created if by == "created_at" else self._walk_updated
        # A search looks at templates until it has found enough: how many can't be known.
        return walked(descending, after, 0 if self.is_search else most)

    @property
    def is_search(self) -> bool:
        return bool(self._needle)

    def fits(self, template: Template) -> bool:
        return template.contains(self._needle)

    def _walk_created(
        self, descending: bool, after: Position | None, most: int
    ) -> Iterator[Template]:
        # An _id begins with the time of its making.
        found = self.filter(**_beyond("id", descending, after.id)) if after else self
        return found._read([("_id", DESCENDING if descending else ASCENDING)], most)

    def _walk_updated(
        self, descending: bool, after: Position | None, most: int
    ) -> Iterator[Template]:
        """Merge what was updated here with what only the Flask service wrote, both in order."""
        way = DESCENDING if descending else ASCENDING
        updated, never = self.filter(updated_at__ne=None), self.filter(updated_at=None)
        if after:
            updated = self.filter(_beyond_both("updated_at", "id", descending, after))
            never = never.filter(**_never_updated_beyond(descending, after))
        return merge(
            updated._read([("updated_at", way), ("_id", way)], most),
            never._read([("_id", way)], most),
            key=lambda template: template.position,
            reverse=descending,
        )

    def _read(self, order: Order, most: int) -> Iterator[Template]:
        projection = self._loaded_fields.as_dict() or None
        for row in walk(self._collection, self._query, order, most, projection):
            template = self._document._from_son(row.document)
            template.stored_size = row.size
            yield template


class TemplateVersionQuerySet(KeysetQuerySet):
    """Old versions; those of deleted templates can be paged through."""

    position_class = Position

    def walk(
        self, by: str, descending: bool, after: Position | None = None, most: int = 0
    ) -> Iterator[TemplateVersion]:
        """Yield deleted templates ordered by ``deleted_at``, as ``TemplateQuerySet.walk`` does."""
        found = self.filter(_beyond_both(by, "template_id", descending, after)) if after else self
        way = "-" if descending else ""
        return iter(found.order_by(f"{way}{by}", f"{way}template_id").limit(most).no_cache())


def new_value(value: Any, moment: datetime) -> list[dict[str, Any]]:
    """Return the update: a pipeline, because a document of the Flask service has no version, and
    others may have put one there that is no number.
    """
    is_number = {"$and": [{"$gte": ["$version", 1]}, {"$lte": ["$version", MAX_VERSION]}]}
    return [
        {
            "$set": {
                "template": {"$literal": value},
                "version": {"$add": [{"$cond": [is_number, "$version", 1]}, 1]},
                "updated_at": moment,
            }
        }
    ]


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

"""Orders of a list, each of which an index gives, and the pieces in which they are walked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine import DateTimeField

from templatesvc.mongo.documents import ServiceDocument, now
from templatesvc.mongo.walks import Query, further_types

# Slices of time that ids and dates are walked in: most pages are found in the first, and none asks
# for all that is older, which some servers would sort before they give the first of it.
SLICES = [timedelta(hours=hours) for hours in (1, 16, 256, 4096)]
# What an ObjectId can tell.
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(2106, 2, 7, tzinfo=UTC)


class NoIndexError(Exception):
    """There is no index for an order, so the list can't be had in it."""


class Order:
    """An order by one field, then by ``_id`` if values repeat.

    ``equal`` names the fields that are compared with one value, which an index may begin with.
    """

    def __init__(
        self, document: type[ServiceDocument], name: str, equal: Collection[str] = ()
    ) -> None:
        self.name = name
        self.field = document._fields[name.lstrip("-")].db_field
        way = -1 if name.startswith("-") else 1
        keys = next(_keys_of_indexes(document, self.field, equal), None)
        if keys is None:
            raise NoIndexError(f"No index of {document.__name__} gives the order {name!r}.")
        self.keys = keys if keys[0][1] == way else _turned(keys)
        self._is_sliced = self._is_of_time(document)

    def _is_of_time(self, document: type[ServiceDocument]) -> bool:
        is_date = isinstance(document._fields[self.name.lstrip("-")], DateTimeField)
        return is_date or self.field == "_id"

    def sort(self, backwards: bool) -> list[tuple[str, int]]:
        return _turned(self.keys) if backwards else self.keys

    def position(self, row: dict[str, Any]) -> list[Any]:
        """Return where a row as it is stored stands."""
        return [row.get(field) for field, _ in self.keys]

    def pieces(self, position: list[Any] | None, backwards: bool = False) -> Iterator[Query]:
        """Yield the queries that, one after the other, find all rows beyond a position in order."""
        (field, way), *others = self.sort(backwards)
        if position is None:
            yield from self._from_the_start(way)
            return
        value = position[0]
        for other, other_way in others:
            yield {field: {"$eq": value}, other: {_beyond(other_way): position[1]}}
        if self._is_sliced and isinstance(value, ObjectId | datetime):
            yield from _slices(field, value, way)
        else:
            yield {field: {_beyond(way): value}}
        yield from further_types(field, way, value)

    def _from_the_start(self, way: int) -> Iterator[Query]:
        if not self._is_sliced or way == 1:
            yield {}
            return
        timed = ObjectId() if self.field == "_id" else now()
        yield from further_types(self.field, 1, timed)
        yield from _slices(self.field, None, way)
        yield from further_types(self.field, -1, timed)


def _keys_of_indexes(
    document: type[ServiceDocument], field: str, equal: Collection[str]
) -> Iterator[list[tuple[str, int]]]:
    """Yield what follows the fields of ``equal`` in each index that gives a strict order."""
    if field == "_id" and not equal:
        yield [("_id", 1)]
    for spec in document._meta["index_specs"]:
        keys = list(spec["fields"])
        start, rest = keys[: len(equal)], keys[len(equal) :]
        # A partial index has a field's rows if it is that field's presence that makes it partial.
        is_partial = set(spec.get("partialFilterExpression", ())) - {field}
        if {name for name, _ in start} != set(equal) or is_partial:
            continue
        is_strict = [name for name, _ in rest] == list(dict.fromkeys([field, "_id"]))
        is_unique = spec.get("unique") and [name for name, _ in rest] == [field]
        if is_strict or is_unique:
            yield rest


def _turned(keys: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(name, -way) for name, way in keys]


def _beyond(way: int) -> str:
    return "$gt" if way == 1 else "$lt"


def _slices(field: str, start: ObjectId | datetime | None, way: int) -> Iterator[Query]:
    """Yield ranges of ids or times, each of a longer time, from one on; of all from now back."""
    edge = start.generation_time if isinstance(start, ObjectId) else start or now()
    near: Query = {_beyond(way): start} if start else {}
    inclusive, outward = ("$gte", "$lt") if way == 1 else ("$lt", "$gte")
    for slice in SLICES:
        moment = min(max(edge + way * slice, FIRST_MOMENT), LAST_MOMENT)
        bound = ObjectId.from_datetime(moment) if field == "_id" else moment
        yield {field: near | {outward: bound}}
        near = {inclusive: bound}
    yield {field: near}

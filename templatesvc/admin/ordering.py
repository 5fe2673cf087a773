"""Orders of a list, which indexes give."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from mongoengine import DateTimeField

from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.keysets import Keys, Position, Query, ranges, reversed_order


class NoIndexError(Exception):
    """No index gives an order, so the list can't have it."""


class Order:
    """An order by one field, and by ``_id`` if values repeat.

    ``equal`` names the fields that filters compare with one value: an index may begin with them.
    """

    def __init__(
        self, document: type[ServiceDocument], name: str, equal: Collection[str] = ()
    ) -> None:
        self.name = name
        self.field = document._fields[name.lstrip("-")].db_field
        direction = -1 if name.startswith("-") else 1
        keys = next(_keys_of_indexes(document, self.field, equal), None)
        if keys is None:
            raise NoIndexError(f"No index of {document.__name__} gives the order {name!r}.")
        self.keys = keys if keys[0][1] == direction else reversed_order(keys)
        self._is_sliced = self._is_of_time(document)

    def _is_of_time(self, document: type[ServiceDocument]) -> bool:
        is_date = isinstance(document._fields[self.name.lstrip("-")], DateTimeField)
        return is_date or self.field == "_id"

    def sort(self, backwards: bool) -> Keys:
        return reversed_order(self.keys) if backwards else self.keys

    def position(self, row: dict[str, Any]) -> Position:
        """Return the position of a stored row."""
        return [row.get(field) for field, _ in self.keys]

    def pieces(self, position: Position | None, backwards: bool = False) -> Iterator[Query]:
        """Yield the queries that, one after the other, find all rows after a position."""
        return ranges(self.sort(backwards), position, is_sliced=self._is_sliced)


def _keys_of_indexes(
    document: type[ServiceDocument], field: str, equal: Collection[str]
) -> Iterator[Keys]:
    """Yield the keys after those of ``equal`` in each index that gives a strict order."""
    if field == "_id" and not equal:
        yield [("_id", 1)]
    for spec in document._meta["index_specs"]:
        keys = list(spec["fields"])
        start, rest = keys[: len(equal)], keys[len(equal) :]
        # A partial index serves an order by the very field whose presence makes it partial.
        is_partial = set(spec.get("partialFilterExpression", ())) - {field}
        if {name for name, _ in start} != set(equal) or is_partial:
            continue
        is_strict = [name for name, _ in rest] == list(dict.fromkeys([field, "_id"]))
        is_unique = spec.get("unique") and [name for name, _ in rest] == [field]
        if is_strict or is_unique:
            yield rest

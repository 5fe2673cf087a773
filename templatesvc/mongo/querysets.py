"""Querysets for paged lists: in any order that an index gives, from any row on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import chain
from operator import itemgetter
from typing import Any, ClassVar, Self

from mongoengine.queryset import QuerySet
from mongoengine.queryset.visitor import QCombination, QNode
from pymongo import ASCENDING, DESCENDING

from templatesvc.mongo.keysets import Holds, Keys, Position, Query, both, either, ranges
from templatesvc.mongo.walks import Row, walk

# Attributes of a queryset that are no part of its query: the collection, and what was found.
FOUND = {"_collection_obj", "_cursor_obj", "_iter", "_result_cache", "_has_more", "_len"}


class KeysetQuerySet(QuerySet):
    """Documents that can be walked in an order from a position on, and back."""

    # The fields of each order that does not sort by the field of its name and then by the id.
    orders: ClassVar[dict[str, tuple[str, ...]]] = {}
    _needle: str = ""
    _searched: tuple[str, ...] = ()

    def _clone_into(self, new_qs: Self) -> Self:
        """Make another queryset a copy of this, without what this has found.

        MongoEngine's own copies 25 attributes one by one, which takes 25 µs each time.
        """
        state = {name: value for name, value in vars(self).items() if name not in FOUND}
        new_qs.__dict__.update(state, _loaded_fields=copy.copy(self._loaded_fields))
        return new_qs

    @property
    def _query(self) -> Query:
        """What the store is asked for.

        MongoEngine deep-copies all conditions to combine them, a tenth of a write's function calls.
        Conditions on different fields can simply be merged into one dictionary.
        """
        asked = self._query_obj
        is_combined = isinstance(asked, QCombination) and asked.operation == QCombination.AND
        if self._mongo_query is None and is_combined and not self._cls_query:  # type: ignore[has-type]
            # Those that MongoEngine has compiled are dictionaries by then.
            parts = [
                part.to_query(self._document) if isinstance(part, QNode) else part
                for part in asked.children
            ]
            # In MongoEngine's order: some servers take the first index that fits.
            items = chain.from_iterable(part.items() for part in parts)
            together = dict(sorted(items, key=itemgetter(0)))
            if len(together) == sum(map(len, parts)):
                self._mongo_query = together
        query: Query = super()._query
        if "$or" in query:
            others = {name: value for name, value in query.items() if name != "$or"}
            return both(others, either(query["$or"]))
        return query

    @property
    def large_fields(self) -> set[str]:
        """The fields that a list need not read unless somebody asks for them."""
        return set()

    # --- Searching ---------------------------------------------------------------------------

    def containing(self, text: str, *fields: str) -> Self:
        """Narrow to documents with this text in one of the fields, ignoring case.

        Texts are compared in Python, which knows more of Unicode than the store. A walk yields the
        documents that may contain the text, and ``fits`` tells which of them do.
        """
        found = self.clone()
        found._needle, found._searched = text.casefold(), fields
        return found

    @property
    def is_search(self) -> bool:
        """Whether documents have to be looked at one by one to see which of them fit."""
        return bool(self._needle)

    def fits(self, document: Any) -> bool:
        """Tell whether a document is what a search looks for."""
        return not self._needle or document.contains(self._needle, self._searched)

    def _may_fit(self, stored: bytes) -> bool:
        """Tell whether BSON may contain the text, so that most documents need not be decoded.

        BSON holds texts as UTF-8, and the bytes around a text take nothing away from it. Case is
        folded character by character, so the text is found wherever ``fits`` finds it.
        """
        return self._needle in stored.decode(errors="replace").casefold()

    # --- Walking -----------------------------------------------------------------------------

    @classmethod
    def fields_of(cls, by: str) -> tuple[str, ...]:
        """Return the names of the fields by which an order sorts."""
        return cls.orders.get(by, (by, "id"))

    def position_of(self, document: Any, by: str) -> Position:
        """Return where a document of a walk is in an order, in values as the store has them.

        Not in the document's own: a field that the store lacks has its default there.
        """
        return [document._row.get(field) for field, _ in self._order(by, descending=False)]

    def walk(
        self, by: str, descending: bool, after: Position | None = None, limit: int = 0
    ) -> Iterator[Any]:
        """Yield the documents ordered by a field, from a position on.

        ``limit`` is how many the caller will take, so that no more are read; 0 reads all. A search
        ignores it, because nobody knows how many documents it has to look at.
        """
        order, left = self._order(by, descending), 0 if self.is_search else limit
        may_fit = self._may_fit if self.is_search else None

        def loaded(row: Row) -> Any:
            nonlocal left
            left -= bool(left)
            return self._document.of_row(row)

        holds = Holds.NULLS if self._may_be_null(by) else Holds.VALUES
        for piece in ranges(order, after, holds):
            query, projection = both(self._query, piece), self._loaded_fields.as_dict() or None
            # By map and not by a loop, whose variable would hold a document for a slow reader.
            rows = walk(self._collection, query, order, left, projection, may_fit)
            yield from map(loaded, rows)
            if limit and not left and not self.is_search:
                return

    def _order(self, by: str, descending: bool) -> Keys:
        direction = DESCENDING if descending else ASCENDING
        return [(self._document._fields[name].db_field, direction) for name in self.fields_of(by)]

    def _may_be_null(self, by: str) -> bool:
        field = self._document._fields[self.fields_of(by)[0]]
        # A document that is older than a field lacks it, though it is required and has a default.
        return not (field.primary_key or (field.required and field.default is None))

    def count_up_to(self, limit: int) -> int:
        """Return how many there are, or some number above ``limit`` if there are more than that."""
        return self.limit(limit + 1).count(with_limit_and_skip=True)

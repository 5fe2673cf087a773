"""One page of a list: searched, filtered, sorted, and found by the position of its neighbour."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

import pymongo
from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.http import urlencode
from mongoengine.queryset import QuerySet

from templatesvc.admin.ordering import NoIndexError, Order
from templatesvc.mongo import ids
from templatesvc.mongo.keysets import Position, Query, both
from templatesvc.mongo.walks import walk

if TYPE_CHECKING:
    from templatesvc.admin.options import DocumentAdmin

SEARCH, ORDER, POSITION = "q", "o", "p"
# Django's name for the list's query string in links to its documents.
KEPT = "_changelist_filters"
SALT = "templatesvc.admin.changelist"
SEARCH_LENGTH = 200  # characters


class ChangeList:
    """What a list page shows.

    A search compares texts in Python, which knows more of Unicode than the store. A page looks at a
    limited number of documents, for a limited time, and shows a limited number of bytes. ``looked``
    tells how many documents it has looked at, and the next page goes on from there.
    """

    def __init__(self, request: HttpRequest, admin: DocumentAdmin) -> None:
        self.request, self.admin = request, admin
        given = parameters_of(request)
        self.search = text_of(given)
        self.filters = admin.filters
        # Only known parameters, because each link of the page repeats them.
        known = {POSITION, ORDER, *(name for each in self.filters for name in each.parameters)}
        kept = {name: value for name, value in given.items() if name in known}
        self.parameters = kept | {SEARCH: self.search}
        self.conditions = admin.conditions(self.parameters)
        self.offered = self._offered()
        chosen = self.offered.get(self.parameters.get(ORDER, ""))
        self.order = chosen or self._make_order(admin.ordering)
        self.looked = 0
        self._stopped_at: Position | None = None
        position, backwards = self._position()
        self._read(admin.get_queryset(request), position, backwards)

    # --- What is asked for -------------------------------------------------------------------

    @property
    def equal(self) -> set[str]:
        """The fields that a filter compares with one value."""
        merged: Query = reduce(both, self.conditions, {})
        return {name for name, value in merged.items() if isinstance(value, str)}

    def _offered(self) -> dict[str, Order]:
        """Return the orders of the headers that have an index with these filters."""
        names = [way + name for name in self.admin.sortable_by for way in ("", "-")]
        offered = {}
        for name in names:
            try:
                offered[name] = self._make_order(name)
            except NoIndexError:
                continue
        return offered

    def _make_order(self, name: str) -> Order:
        document = self.admin.document
        try:
            return Order(document, name, self.equal)
        except NoIndexError:
            return Order(document, name)

    def _position(self) -> tuple[Position | None, bool]:
        """Return the position of the page, and whether the page lies before it."""
        try:
            text = signing.loads(self.parameters[POSITION], salt=SALT)
            position, backwards = ids.decode_signed(text)
        except (KeyError, signing.BadSignature):
            return None, False  # without a valid position, show the list from its beginning
        return (position, backwards) if len(position) == len(self.order.keys) else (None, False)

    # --- Reading -----------------------------------------------------------------------------

    def _read(self, found: QuerySet, position: Position | None, backwards: bool) -> None:
        size = self.admin.list_per_page
        # One more than shown tells whether there is another page.
        rows = list(islice(self._rows(found, position, backwards), size + 1))
        is_more, rows = len(rows) > size or self._stopped_at is not None, rows[:size]
        start = self.order.position(rows[0]) if rows else position
        end = self.order.position(rows[-1]) if len(rows) == size else self._stopped_at
        further = self._link(end, backwards) if is_more and end else None
        back = self._link(start, not backwards) if position and start else None
        self.previous, self.next = (further, back) if backwards else (back, further)
        self.results = self._documents(found, rows[::-1] if backwards else rows)
        self.admin.prepare(self.request, self.results)

    def _rows(self, found: QuerySet, position: Position | None, backwards: bool) -> Iterator[Any]:
        """Yield the stored rows that fit, from a position on."""
        most = self.admin.search_most if self.search else self.admin.list_per_page + 1
        needle, size = self.search.casefold(), 0
        end = time.monotonic() + settings.SEARCH_TIME.total_seconds()
        collection = self.admin.document._get_collection()
        for piece in self.order.pieces(position, backwards):
            # Exact conditions first: some servers take the first index that fits any of them.
            parts = sorted([piece, *self.conditions], key=lambda part: not is_exact(part))
            query = reduce(both, [*parts, found._query])
            rows = walk(
                collection,
                query,
                self.order.sort(backwards),
                most - self.looked,
                self._searched() if self.search else None,
            )
            for row in rows:
                self.looked += 1
                if not needle or self.admin.matches(row.document, needle):
                    size += row.size
                    yield row.document
                is_late = bool(needle) and time.monotonic() > end
                if self.looked == most or size > settings.MAX_PAGE_SIZE or is_late:
                    self._stopped_at = self.order.position(row.document)
                    return

    def _searched(self) -> dict[str, int]:
        """Return the projection for a search, which an index alone may be able to answer."""
        names = [name for name, _ in self.order.keys] + self.admin.searched
        return {"_id": 0} | dict.fromkeys(names, 1)

    def _documents(self, found: QuerySet, rows: list[Any]) -> list[Any]:
        """Return the documents of rows; after a search, rows have only the fields of the search."""
        if not self.search:
            return [self.admin.document._from_son(row) for row in rows]
        key = self.order.keys[-1][0]
        by_key = {"$in": [row[key] for row in rows]}
        documents = [
            (row[key], self.admin.document._from_son(row))
            for row in found.filter(__raw__={key: by_key}).as_pymongo()
        ]
        positions = [row[key] for row in rows]
        return [d for _, d in sorted(documents, key=lambda pair: positions.index(pair[0]))]

    # --- What is said of it ------------------------------------------------------------------

    @property
    def is_unfinished(self) -> bool:
        """Whether a search ended before all was looked at."""
        return bool(self.search) and self._stopped_at is not None

    @property
    def is_filtered(self) -> bool:
        return bool(self.conditions or self.search)

    @property
    def summary(self) -> str:
        """How many rows there are, as far as that is known without counting."""
        opts, shown = self.admin.opts, len(self.results)
        names = opts.verbose_name if shown == 1 else opts.verbose_name_plural
        if self.is_unfinished:
            return f"{shown} {names} found in the {self.looked:,} searched so far"
        if self.previous:
            return f"{shown} more {names}"
        return f"More than {shown} {names}" if self.next else f"{shown} {names}"

    # --- Links -------------------------------------------------------------------------------

    def _link(self, position: Position, backwards: bool) -> str:
        return self.url(**{POSITION: sealed(position, backwards)})

    @property
    def parameters_here(self) -> dict[str, str]:
        """The parameters of this very page of the list."""
        return {name: value for name, value in self.parameters.items() if value}

    def url(self, **changes: str | None) -> str:
        """Return the query string of this list with other parameters; from its beginning."""
        parameters = self.parameters | {POSITION: None} | changes
        kept = {name: value for name, value in parameters.items() if value}
        return "?" + urlencode(kept)

    def headers(self) -> Iterator[dict[str, Any]]:
        """Yield the headers of the columns, with the URL to sort by each."""
        for name in self.admin.list_display:
            by = self.admin.order_of(name)
            header: dict[str, Any] = {"text": self.admin.label_of(name), "name": name}
            if by in self.offered:
                is_sorted = self.order.name.lstrip("-") == by
                is_ascending = not self.order.name.startswith("-")
                reordered = f"-{by}" if is_sorted and is_ascending else by
                header |= {"url": self.url(**{ORDER: reordered})}
                header |= {"ascending": is_ascending} if is_sorted else {}
            yield header

    def rows(self) -> Iterator[dict[str, Any]]:
        here = urlencode(self.parameters_here)
        kept = f"?{urlencode({KEPT: here})}" if here else ""
        for document in self.results:
            yield {
                "id": ids.encode(document.pk),
                "url": self.admin.url_of("change", document) + kept,
                "name": self.admin.name_of(document),
                "is_selectable": self._is_selectable(document),
                "cells": self.admin.row(document),
            }

    @property
    def selectable(self) -> int:
        """How many of the rows can be ticked."""
        return sum(map(self._is_selectable, self.results))

    def _is_selectable(self, document: Any) -> bool:
        """Tell whether this operator may do any bulk action to it."""
        bulk = (action for action in self.admin.actions if action.is_bulk)
        return any(self.admin.offers(self.request, action, document) for action in bulk)

    def shown_filters(self) -> Iterator[dict[str, Any]]:
        for filter in self.filters:
            values = {name: self.parameters.get(name, "") for name in filter.parameters}
            value = values[filter.parameter]
            offered = [("", "All"), *filter.choices()]
            cleared = dict.fromkeys(filter.parameters)
            yield {
                "title": filter.title,
                "parameter": filter.parameter,
                "template": filter.template_name,
                "hint": filter.hint,
                "value": value,
                "values": values,
                "others": [
                    (n, v)
                    for n, v in self.parameters.items()
                    if v and n not in (*filter.parameters, POSITION)
                ],
                "choices": [
                    {
                        "display": name,
                        "selected": value == choice and (choice or not any(values.values())),
                        "query_string": self.url(**cleared | {filter.parameter: choice}),
                    }
                    for choice, name in offered
                ],
            }


def sealed(position: Position, backwards: bool) -> str:
    """Return a signed position for a URL, so that only positions of our own lists come back."""
    return signing.dumps(ids.encode([position, backwards]), salt=SALT)


def everything(admin: DocumentAdmin, request: HttpRequest) -> Iterator[Any]:
    """Yield all documents that fit the filters and the search of a list, on all pages, by id."""
    given = parameters_of(request)
    needle = text_of(given).casefold()
    query = reduce(both, admin.conditions(given), admin.get_queryset(request)._query)
    for row in walk(admin.document._get_collection(), query, [("_id", pymongo.ASCENDING)]):
        if not needle or admin.matches(row.document, needle):
            yield admin.document.of_row(row)


def text_of(given: Mapping[str, str]) -> str:
    """Return what the parameters of a list search for."""
    return given.get(SEARCH, "").strip()[:SEARCH_LENGTH]


def parameters_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of a list; text that is not valid Unicode is replaced."""
    given = request.GET.items()
    return {name: value.encode(errors="replace").decode() for name, value in given if value}


def is_exact(query: Query) -> bool:
    """Tell whether a query compares each field that it names with one value."""
    values = query.values()
    return all(isinstance(v, str) or (isinstance(v, dict) and "$eq" in v) for v in values)

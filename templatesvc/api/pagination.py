"""Paging by the position of the last row: the last page is as quick as the first.

Rows that are added or deleted meanwhile neither repeat nor hide others. With page numbers
they would.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from typing import Any, ClassVar

from django.conf import settings
from django.core import signing
from django.template import loader
from pymongo.errors import PyMongoError
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from templatesvc.api import sparse
from templatesvc.api.parameters import flag, parameter
from templatesvc.api.proxies import client_address, network
from templatesvc.api.turns import SearchInProgress, one_at_a_time
from templatesvc.mongo import ids
from templatesvc.mongo.keysets import Position
from templatesvc.mongo.querysets import KeysetQuerySet

SALT = "templatesvc.api.pagination"


class KeysetPagination(BasePagination):
    """Pages of a KeysetQuerySet, whose cursors hold the positions of rows.

    The view names the orders in ``ordering_fields``, and the default in ``ordering``.

    A page ends at its limit, at MAX_PAGE_SIZE bytes, or when a search's time is up, and ``next``
    goes on from there.
    """

    template = "rest_framework/pagination/previous_and_next.html"
    display_page_controls = False  # until there is a page

    default_limit = 20
    max_limit = 100
    max_count = 10_000
    parameters: ClassVar = {"limit", "cursor", "ordering", "count", sparse.PARAMETER}

    def paginate_queryset(
        self, queryset: KeysetQuerySet, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of the page that the request asks for.

        Raises ValidationError (400), and SearchInProgress (429).
        """
        self.request, self.orderings = request, orderings_of(view)
        self.fields = sparse.SparseFields(request, view)
        queryset = self.fields.read(queryset)
        limit, ordering = self._limit(), self._ordering()
        position, backwards = self._position()
        is_counted = flag(self.request, "count")
        with self._alone() if queryset.is_search else nullcontext():
            self.time_is_up_at = time.monotonic() + settings.SEARCH_TIME.total_seconds()
            self.by, descending = ordering.lstrip("-"), ordering.startswith("-") != backwards
            # One more than asked for tells whether there is another page.
            rows, is_more, end = self._read(
                queryset, queryset.walk(self.by, descending, position, limit + 1), limit
            )
            self.count = self._count(queryset, len(rows)) if is_counted else None
        if backwards:
            rows.reverse()
        first, last = end, end
        if rows:
            first, last = (queryset.position_of(row, self.by) for row in (rows[0], rows[-1]))
        is_begun = position is not None
        if backwards:
            is_next, is_previous, first = is_begun, is_more, end or first
        else:
            is_next, is_previous, last = is_more, is_begun, end or last
        self.next_link = self._link(last, False) if is_next else None
        self.previous_link = self._link(first, True) if is_previous else None
        self.display_page_controls = True
        return rows

    def _alone(self) -> AbstractContextManager[Any]:
        """Hold the caller's turn to search; raises SearchInProgress (429)."""
        refusal = SearchInProgress(ceil(settings.SEARCH_TIME.total_seconds()))
        # People who are not logged in are known by their address; no user's name has the NUL.
        address = network(client_address(self.request.META))
        who = self.request.user.get_username() or f"\0{address}"
        return one_at_a_time(who, settings.SEARCH_TIME + settings.STREAM_SILENCE, refusal)

    def _read(
        self, queryset: KeysetQuerySet, walked: Iterator[Any], limit: int
    ) -> tuple[list[Any], bool, Position | None]:
        """Return rows that fit, whether there may be more, and where a search ran out of time."""
        rows: list[Any] = []
        size = 0
        for row in walked:
            if not queryset.fits(row):
                if time.monotonic() > self.time_is_up_at:
                    return rows, True, queryset.position_of(row, self.by)
                continue
            size += row.stored_size
            if len(rows) == limit or (rows and size > settings.MAX_PAGE_SIZE):
                return rows, True, None
            rows.append(row)
        return rows, False, None

    # --- What the request asks for -----------------------------------------------------------

    def _limit(self) -> int:
        text = self.request.query_params.get("limit", str(self.default_limit))
        # At most nine digits: Python takes long to read thousands of them, and refuses more.
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not 1 <= limit <= self.max_limit:
            raise ValidationError({"limit": f"Give a number from 1 to {self.max_limit}."})
        return limit

    def _ordering(self) -> str:
        ordering: str = self.request.query_params.get("ordering", self.orderings[0])
        if ordering not in self.orderings:
            raise ValidationError({"ordering": f"Give one of: {', '.join(self.orderings)}."})
        return ordering

    def _position(self) -> tuple[Position | None, bool]:
        """Return where the cursor stands, and whether the page before it is asked for.

        The position None is the beginning of the list or, going back, its end.
        """
        text = self.request.query_params.get("cursor")
        if text is None:
            return None, False
        try:
            query, position, backwards = signing.loads(text, salt=SALT)
        except signing.BadSignature as error:
            raise self._bad_cursor("This cursor is not valid.") from error
        if query != self._query():
            raise self._bad_cursor("This cursor belongs to a list with other parameters.")
        if position is not None:
            position = [ids.decode_signed(value) for value in position]
        return position, backwards

    def _bad_cursor(self, reason: str) -> ValidationError:
        return ValidationError({"cursor": f"{reason} Start again without one."}, code="bad_cursor")

    def _query(self) -> str:
        """Return a digest of the list that a cursor is for: its person, path and parameters."""
        free = self.parameters - {"ordering"}
        given = sorted(item for item in self.request.query_params.items() if item[0] not in free)
        subject = repr(
            (self.request.user.get_username(), self.request.path_info.rstrip("/"), given)
        )
        return hashlib.sha256(subject.encode()).hexdigest()[:16]

    # --- The answer --------------------------------------------------------------------------

    def _link(self, position: Position | None, backwards: bool) -> str:
        """Return the URL of the page next to a position; None is where the list begins or ends."""
        values = None if position is None else [ids.encode(value) for value in position]
        cursor = signing.dumps([self._query(), values, backwards], salt=SALT)
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def _count(self, queryset: KeysetQuerySet, shown: int) -> int | str:
        """Return how many rows there are, or how many were counted in time, with a ``+``."""
        if not queryset.is_search:
            try:
                count = queryset.count_up_to(self.max_count)
            except PyMongoError as error:
                if not error.timeout:
                    raise
                return f"{shown}+"
            return count if count <= self.max_count else f"{self.max_count}+"
        count = 0
        for row in queryset.walk(self.by, descending=True):
            if count == self.max_count or time.monotonic() > self.time_is_up_at:
                return f"{max(count, shown)}+"
            count += queryset.fits(row)
        return count

    def to_html(self) -> str:
        """Return the page's links to the next page and the previous one."""
        links = {"previous_url": self.previous_link, "next_url": self.next_link}
        return loader.render_to_string(self.template, links)

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.next_link, "previous": self.previous_link}
        header = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        body = links if self.count is None else links | {"count": self.count}
        results = self.fields.of(data)
        return Response(body | {"results": results}, headers={"Link": header} if header else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        # Without a type: generators of clients make nothing useful of a number or a text.
        count = {
            "description": f"With `count=true`: how many there are; above {self.max_count}, "
            f'the text `"{self.max_count}+"`. If the time is up before, it is the number that was '
            "reached, with a `+`.",
            "minimum": 0,
            "maximum": self.max_count,
        }
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "count": count, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            sparse.schema_parameter(view),
            parameter(
                "limit",
                "The maximum number of results. There may be fewer, even none, while `next` goes "
                "on: a page also ends at a number of bytes, and a search when its time is up.",
                type="integer",
                minimum=1,
                maximum=self.max_limit,
                default=self.default_limit,
            ),
            parameter(
                "cursor",
                "Where to continue: from `next` or `previous`, and valid only with the same other "
                "parameters.",
            ),
            parameter("ordering", "The order of the results.", enum=orderings_of(view)),
            parameter("count", "Whether to count all that match.", type="boolean", default=False),
        ]


def orderings_of(view: Any) -> list[str]:
    """Return the orderings that a view's list can have, the default first."""
    by_each = [sign + name for name in view.ordering_fields for sign in ("-", "")]
    return [view.ordering, *(ordering for ordering in by_each if ordering != view.ordering)]

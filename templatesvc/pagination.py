"""Paging by the place of the last row seen: as quick on the last page as on the first.

Rows that come or go meanwhile neither repeat nor hide another, as they would with page numbers.
"""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import Any, ClassVar

from django.core import signing
from django.template import loader
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

SALT = "templatesvc.pagination"


class KeysetPagination(BasePagination):
    """Pages of rows that can ``walk`` an order from a position on, and back.

    A row's ``position`` and the queryset's ``position_class`` are of one class, which a cursor
    holds as JSON: ``to_json`` and ``from_json``.
    """

    template = "rest_framework/pagination/previous_and_next.html"
    display_page_controls = False  # until there is a page

    default_limit = 20
    max_limit = 100
    max_count = 10_000
    # The first is the default.
    orderings: ClassVar[list[str]] = ["-created_at", "created_at", "-updated_at", "updated_at"]
    parameters: ClassVar = {"limit", "cursor", "ordering", "count"}

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of the page that the request asks for; raises ValidationError (400)."""
        self.request, self.position_class = request, queryset.position_class
        limit, ordering = self._limit(), self._ordering()
        position, backwards = self._position()
        by, descending = ordering.lstrip("-"), ordering.startswith("-")
        # One more than asked for tells whether there is another page.
        rows = list(
            islice(queryset.walk(by, descending != backwards, position, limit + 1), limit + 1)
        )
        is_more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        is_begun = position is not None
        is_next, is_previous = (is_begun, is_more) if backwards else (is_more, is_begun)
        self.next_link = self._link(rows[-1:], False) if is_next else None
        self.previous_link = self._link(rows[:1], True) if is_previous else None
        self.display_page_controls = True
        self.count = self._count(queryset) if self._flag("count") else None
        return rows

    # --- What the request asks for -----------------------------------------------------------

    def _limit(self) -> int:
        text = self.request.query_params.get("limit", str(self.default_limit))
        # Of nine digits at the most: Python takes long to read thousands, and refuses more.
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not 1 <= limit <= self.max_limit:
            raise ValidationError({"limit": f"Give a number from 1 to {self.max_limit}."})
        return limit

    def _ordering(self) -> str:
        ordering: str = self.request.query_params.get("ordering", self.orderings[0])
        if ordering not in self.orderings:
            raise ValidationError({"ordering": f"Give one of: {', '.join(self.orderings)}."})
        return ordering

    def _flag(self, name: str) -> bool:
        text = self.request.query_params.get(name, "false")
        if text not in ("true", "false"):
            raise ValidationError({name: "Give true or false."})
        return bool(text == "true")

    def _position(self) -> tuple[Any, bool]:
        """Return where the cursor stands, and whether the page before it is asked for.

        None for its place is where the list begins or, going back, where it ends.
        """
        text = self.request.query_params.get("cursor")
        if text is None:
            return None, False
        try:
            query, place, backwards = signing.loads(text, salt=SALT)
        except signing.BadSignature as error:
            raise self._bad_cursor("This cursor is not valid.") from error
        if query != self._query():
            raise self._bad_cursor("This cursor belongs to a list with other parameters.")
        return None if place is None else self.position_class.from_json(place), backwards

    def _bad_cursor(self, reason: str) -> ValidationError:
        return ValidationError({"cursor": f"{reason} Start again without one."}, code="bad_cursor")

    def _query(self) -> str:
        """Return a digest of what a cursor is good for: this person's list of these rows."""
        free = self.parameters - {"ordering"}
        given = sorted(item for item in self.request.query_params.items() if item[0] not in free)
        subject = repr(
            (self.request.user.get_username(), self.request.path_info.rstrip("/"), given)
        )
        return hashlib.sha256(subject.encode()).hexdigest()[:16]

    # --- The answer --------------------------------------------------------------------------

    def _link(self, rows: list[Any], backwards: bool) -> str:
        """Return the URL of the page beside a row, if there is one that was not taken away."""
        place = rows[0].position.to_json() if rows else None
        cursor = signing.dumps([self._query(), place, backwards], salt=SALT)
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor)

    def _count(self, queryset: Any) -> int | str:
        count = queryset.count_up_to(self.max_count)
        return count if count <= self.max_count else f"{self.max_count}+"

    def to_html(self) -> str:
        """Return the page's links to the next page and the previous one."""
        links = {"previous_url": self.previous_link, "next_url": self.next_link}
        return loader.render_to_string(self.template, links)

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.next_link, "previous": self.previous_link}
        header = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        body = links if self.count is None else links | {"count": self.count}
        return Response(body | {"results": data}, headers={"Link": header} if header else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        # Without a type: generators of clients make nothing useful of a number or a text.
        count = {
            "description": f"With `count=true`: how many there are; above {self.max_count}, "
            f'the text `"{self.max_count}+"`.',
            "minimum": 0,
            "maximum": self.max_count,
        }
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "count": count, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        def parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
            return {"name": name, "in": "query", "description": description, "schema": schema}

        return [
            parameter(
                "limit",
                "The maximum number of results.",
                type="integer",
                minimum=1,
                maximum=self.max_limit,
                default=self.default_limit,
            ),
            parameter(
                "cursor",
                "Where to continue: from `next` or `previous`, and valid only with the same other "
                "parameters.",
                type="string",
            ),
            parameter("ordering", "The order of the results.", type="string", enum=self.orderings),
            parameter(
                "count", "Whether to count all matching templates.", type="boolean", default=False
            ),
        ]

"""Paging by the key of the last row seen: as quick on the last page as on the first.

Rows that come or go meanwhile neither repeat nor hide another, as they would with page numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from bson import ObjectId
from django.core import signing
from mongoengine.queryset import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView


@dataclass(frozen=True)
class Cursor:
    """A place between two rows, and which way to go from there."""

    row: ObjectId
    backwards: bool

    SALT: ClassVar = "templatesvc.pagination"

    def encoded(self) -> str:
        return signing.dumps([str(self.row), self.backwards], salt=self.SALT, compress=False)

    @classmethod
    def decoded(cls, text: str) -> Self:
        """Read a cursor back; raises ValidationError (400) unless this service made it."""
        try:
            row, backwards = signing.loads(text, salt=cls.SALT)
        except signing.BadSignature as error:
            raise ValidationError(
                {"cursor": "This cursor is not valid. Start again without one."}, code="bad_cursor"
            ) from error
        return cls(ObjectId(row), backwards)


class KeysetPagination(BasePagination):
    """Pages of documents, newest first by ``_id``: ``limit`` rows from ``cursor`` on."""

    default_limit = 20
    max_limit = 100

    def paginate_queryset(
        self, queryset: QuerySet, request: Request, view: APIView | None = None
    ) -> list[Any]:
        """Return the rows of the page that the request asks for."""
        limit = self._limit(request)
        text = request.query_params.get("cursor")
        cursor = Cursor.decoded(text) if text is not None else None
        backwards = cursor is not None and cursor.backwards
        if cursor:
            queryset = queryset.filter(**{"id__gt" if backwards else "id__lt": cursor.row})
        # One more than asked for tells whether there is another page.
        rows = list(queryset.order_by("id" if backwards else "-id").limit(limit + 1))
        is_more, rows = len(rows) > limit, rows[:limit]
        if backwards:
            rows.reverse()
        self.next_link = self.previous_link = None
        if rows and (is_more or backwards):
            self.next_link = self._link(request, Cursor(rows[-1].id, False))
        if rows and (is_more if backwards else cursor):
            self.previous_link = self._link(request, Cursor(rows[0].id, True))
        return rows

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(self.default_limit))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= self.max_limit):
            raise ValidationError({"limit": f"Give a number from 1 to {self.max_limit}."})
        return int(text)

    @staticmethod
    def _link(request: Request, cursor: Cursor) -> str:
        return replace_query_param(request.build_absolute_uri(), "cursor", cursor.encoded())

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next_link, "previous": self.previous_link, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "How many templates to answer with.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": self.max_limit,
                    "default": self.default_limit,
                },
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Where to go on: taken from `next` or `previous`, never made up.",
                "schema": {"type": "string"},
            },
        ]

"""Sparse fields: a list reads and writes only the fields that ``?fields=`` names."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from templatesvc.mongo.querysets import KeysetQuerySet

PARAMETER = "fields"


class SparseFields:
    """The fields of a serializer that a request asks for; all of them by default."""

    def __init__(self, request: Request, view: APIView) -> None:
        """Raise ValidationError (400) for an unknown field."""
        self.asked: set[str] = set()
        if (text := request.query_params.get(PARAMETER)) is None:
            return
        self.known = view.get_serializer_class()().fields
        self.asked = set(text.split(","))
        if unknown := self.asked - self.known.keys():
            named, there_is = ", ".join(map(repr, sorted(unknown))), ", ".join(self.known)
            raise ValidationError({PARAMETER: f"Unknown field {named}; there is: {there_is}."})

    def read(self, queryset: KeysetQuerySet) -> KeysetQuerySet:
        """Return the query without large fields that nobody asks for."""
        if not self.asked or queryset.is_search:
            return queryset
        # A field of a part, such as "finder.name", and one that is computed of the whole: "*".
        asked = {self.known[name].source.partition(".")[0] for name in self.asked}
        return queryset if "*" in asked else queryset.exclude(*(queryset.large_fields - asked))

    def of(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows with only the fields that were asked for."""
        if not self.asked:
            return rows
        return [{name: row[name] for name in row if name in self.asked} for row in rows]


def schema_parameter(view: APIView) -> dict[str, Any]:
    names = list(view.get_serializer_class()().fields)
    return {
        "name": PARAMETER,
        "in": "query",
        "description": "Which fields the results have, separated by commas; all by default.",
        "style": "form",
        "explode": False,
        "schema": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "enum": names},
            "examples": [names[:1]],
        },
        "example": names,  # what Swagger UI's "try it out" sends unless it is changed
    }


def with_sparse_rows(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Make no field of a list's rows required, because any of them can be left out."""
    schemas = result["components"]["schemas"]
    rows = set()
    for name in [name for name in schemas if name.startswith("Paginated")]:
        items = schemas[name]["properties"]["results"]["items"]
        row = items["$ref"].rpartition("/")[2]
        optional = {key: value for key, value in schemas[row].items() if key != "required"}
        schemas[f"{row}Row"] = optional
        items["$ref"] += "Row"
        rows.add(row)
    for row in rows:  # those that only lists refer to
        if f"'#/components/schemas/{row}'" not in str(result):
            del schemas[row]
    return result

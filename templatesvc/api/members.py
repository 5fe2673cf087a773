"""Filters by members of free JSON: ``notes.author=Orwell`` finds objects with this member."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

from rest_framework.exceptions import ValidationError

from templatesvc.mongo.fields import ObjectField, RawField
from templatesvc.mongo.values import MAX_DEPTH, fits_int64

# Parameters for one field: the store compares each of them with every element of a list.
MAX_MEMBERS = 10


def free_fields(view: Any) -> list[str]:
    """Return the filter fields of a view that hold free JSON."""
    fields = view.document._fields
    return [name for name in view.filter_fields if type(fields[name]) in (ObjectField, RawField)]


def check(names: Iterable[str]) -> None:
    """Raise ValidationError (400) if too many parameters are for one field."""
    fields = Counter(name.partition(".")[0] for name in names if "." in name)
    faults = {
        field: f"At most {MAX_MEMBERS} parameters at a time may begin with {field}."
        for field, count in fields.items()
        if count > MAX_MEMBERS
    }
    if faults:
        raise ValidationError(faults, code="bad_parameter")


def query(view: Any, name: str, text: str) -> dict[str, Any]:
    """Return the query that a parameter means; raises ValidationError (400)."""
    field, *path = name.split(".")
    if not all(path) or any(key.startswith("$") or "\0" in key for key in path):
        raise ValidationError({name: f"Name a field of an object, such as {field}.author."})
    if len(path) > MAX_DEPTH:
        raise ValidationError({name: f"No object is more than {MAX_DEPTH} levels deep."})
    stored = ".".join([view.document._fields[field].db_field, *path])
    if text == "null":
        # Equality with null alone would match all documents without such a member.
        return {stored: {"$in": [text, None], "$exists": True}}
    return {stored: {"$in": _readings(text)}}


def parameter(name: str) -> dict[str, Any]:
    """Return the parameters of a field, for the schema."""
    return {
        "name": name,
        "in": "query",
        "description": "Objects in which a field is this value or a list that contains it: "
        f"`{name}.author=Orwell`, `{name}.publisher.city=London`. A number, `true`, "
        f"`false` and `null` also match the same text. At most {MAX_MEMBERS} at a time.",
        "style": "form",
        "explode": True,
        "schema": {
            "type": "object",
            "propertyNames": {"pattern": rf"^{name}(\.[^.$\u0000][^.\u0000]*){{1,{MAX_DEPTH}}}$"},
            "additionalProperties": {"type": "string", "pattern": "^[^\\u0000]*$"},
            "maxProperties": MAX_MEMBERS,
            "examples": [{f"{name}.author": "Orwell"}],
        },
        # What Swagger UI's "try it out" sends unless it is changed.
        "example": {},
    }


def _readings(text: str) -> list[Any]:
    """Return the JSON values that a text in a URL can mean: itself, and a number or constant."""
    try:
        value = json.loads(text, parse_constant=_no_value)
    except (ValueError, RecursionError):
        return [text]
    if isinstance(value, bool | float) or (isinstance(value, int) and fits_int64(value)):
        return [text, value]
    return [text]


def _no_value(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON values")

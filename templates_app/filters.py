"""Finding templates: what the parameters of a list mean, and which there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from templatesvc.api.filters import ResourceFilter, parameter
from templatesvc.mongo.owned import OwnedQuerySet
from templatesvc.mongo.values import MAX_DEPTH, fits_int64

FIELD_PREFIX = "template."
NAME_PATTERN = rf"^template(\.[^.$\u0000][^.\u0000]*){{1,{MAX_DEPTH}}}$"
KINDS = {"text": "string", "object": "object"}


class TemplateFilter(ResourceFilter):
    """Narrows templates by what they are, and by what is in a field of an object."""

    template = "templates_app/filter_form.html"
    prefix = FIELD_PREFIX

    def parameters(self, view: Any) -> set[str]:
        return super().parameters(view) | {"kind"}

    def narrowed(self, queryset: OwnedQuerySet, name: str, text: str, view: Any) -> OwnedQuerySet:
        if name.startswith(FIELD_PREFIX):
            return self._field(queryset, name, text)
        if name != "kind":
            return super().narrowed(queryset, name, text, view)
        if text not in KINDS:
            raise ValidationError({"kind": f"Give one of: {', '.join(KINDS)}."})
        return queryset.filter(__raw__=of_kind(text))

    def context(self, request: Request, view: Any) -> dict[str, Any]:
        context = super().context(request, view)
        given = context["given"]
        fields = {name: text for name, text in given.items() if name.startswith(FIELD_PREFIX)}
        return context | {"fields": fields, "kinds": KINDS}

    def _field(self, queryset: OwnedQuerySet, name: str, text: str) -> OwnedQuerySet:
        path = name.removeprefix(FIELD_PREFIX).split(".")
        if not all(path) or any(key.startswith("$") or "\0" in key for key in path):
            raise ValidationError({name: "Name a field of an object, such as template.author."})
        if len(path) > MAX_DEPTH:
            raise ValidationError({name: f"No object is more than {MAX_DEPTH} levels deep."})
        if text == "null":
            # Equality with null alone would fit every template that has no such field.
            null = {"$eq": None, "$exists": True}
            return queryset.filter(__raw__={"$or": [{name: text}, {name: null}]})
        return queryset.filter(__raw__={name: {"$in": _readings(text)}})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            *super().get_schema_operation_parameters(view),
            parameter("kind", "Only texts, or only objects.", enum=list(KINDS)),
            {
                "name": "template",
                "in": "query",
                "description": "Objects in which a field is this value or a list that contains it: "
                "`template.author=Orwell`, `template.publisher.city=London`. A number, `true`, "
                "`false` and `null` also match the same text.",
                "style": "form",
                "explode": True,
                "schema": {
                    "type": "object",
                    "propertyNames": {"pattern": NAME_PATTERN},
                    "additionalProperties": {"type": "string", "pattern": "^[^\\u0000]*$"},
                    "examples": [{"template.author": "Orwell"}],
                },
                # What Swagger UI's "try it out" sends unless it is changed.
                "example": {},
            },
        ]


def of_kind(kind: str) -> dict[str, Any]:
    """Return the query for templates of a kind of ``KINDS``."""
    # $type looks into lists, which another program may have stored.
    return {"template": {"$type": KINDS[kind], "$not": {"$type": "array"}}}


def _readings(text: str) -> list[Any]:
    """Return what a text in a URL can mean as a JSON value: itself, and a number or constant."""
    try:
        value = json.loads(text, parse_constant=_no_value)
    except (ValueError, RecursionError):
        return [text]
    if isinstance(value, bool | float) or (isinstance(value, int) and fits_int64(value)):
        return [text, value]
    return [text]


def _no_value(_: str) -> Callable[[], None]:
    raise ValueError("NaN and Infinity are no JSON values")

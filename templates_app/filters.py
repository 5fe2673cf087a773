"""Finding templates: what the parameters of a list mean, and which there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from django.template import loader
from django.utils.dateparse import parse_datetime
from mongoengine import Q
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from templates_app.querysets import TemplateQuerySet
from templates_app.values import FIRST_MOMENT, LAST_MOMENT, MAX_DEPTH, fits_int64
from templatesvc.api.filters import check_parameters

FIELD_PREFIX = "template."
NAME_PATTERN = rf"^template(\.[^.$\u0000][^.\u0000]*){{1,{MAX_DEPTH}}}$"
KINDS = {"text": "string", "object": "object"}


class TemplateFilter(BaseFilterBackend):
    """Narrows the caller's templates; every parameter must be one that is known."""

    def filter_queryset(
        self, request: Request, queryset: TemplateQuerySet, view: APIView
    ) -> TemplateQuerySet:
        """Return the templates that fit all parameters; raises ValidationError (400)."""
        known = {"search", "kind", "created_after", "created_before"}
        others = view.pagination_class.parameters
        check_parameters(request, known | others | {"format"}, FIELD_PREFIX)
        # The form of a page sends what was left empty as well.
        is_page = request.accepted_renderer.format == "api"
        for name, value in request.query_params.items():
            if name in known and not (is_page and value == ""):
                queryset = getattr(self, f"_{name}")(queryset, value)
            elif name.startswith(FIELD_PREFIX):
                queryset = self._field(queryset, name, value)
        return queryset

    def to_html(self, request: Request, queryset: TemplateQuerySet, view: APIView) -> str:
        """Return the form that a page of the list has for all this."""
        given = request.query_params
        fields = {name: text for name, text in given.items() if name.startswith(FIELD_PREFIX)}
        context = {"given": given, "fields": fields, "kinds": KINDS, "paging": view.paginator}
        return loader.render_to_string("templates_app/filter_form.html", context)

    def _search(self, queryset: TemplateQuerySet, text: str) -> TemplateQuerySet:
        return queryset.containing(text)

    def _kind(self, queryset: TemplateQuerySet, kind: str) -> TemplateQuerySet:
        if kind not in KINDS:
            raise ValidationError({"kind": f"Give one of: {', '.join(KINDS)}."})
        return queryset.filter(__raw__=of_kind(kind))

    def _created_after(self, queryset: TemplateQuerySet, text: str) -> TemplateQuerySet:
        return self._created(queryset, "gt", _moment("created_after", text))

    def _created_before(self, queryset: TemplateQuerySet, text: str) -> TemplateQuerySet:
        return self._created(queryset, "lt", _moment("created_before", text))

    def _created(
        self, queryset: TemplateQuerySet, comparison: str, moment: datetime
    ) -> TemplateQuerySet:
        # Of a template that the Flask service wrote only the ObjectId tells, to the second.
        whole = moment.replace(microsecond=0)
        after_the_second = comparison == "gt" or moment != whole
        bound = ObjectId.from_datetime(whole) if not after_the_second else _next_second(whole)
        flask_comparison = "gte" if comparison == "gt" else "lt"
        return queryset.filter(
            Q(**{f"created_at__{comparison}": moment})
            | Q(created_at=None, **{f"id__{flask_comparison}": bound})
        )

    def _field(self, queryset: TemplateQuerySet, name: str, text: str) -> TemplateQuerySet:
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

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        def text(name: str, description: str, **schema: Any) -> dict[str, Any]:
            schema = {"type": "string", **schema}
            return {"name": name, "in": "query", "description": description, "schema": schema}

        return [
            text(
                "search",
                "Templates that contain this text, ignoring case.",
                pattern="^[^\\u0000]*$",
            ),
            text("kind", "Only texts, or only objects.", enum=list(KINDS)),
            text("created_after", "Created later than this.", format="date-time"),
            text("created_before", "Created earlier than this.", format="date-time"),
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
    # $type looks into lists, which the Flask service may have stored.
    return {"template": {"$type": KINDS[kind], "$not": {"$type": "array"}}}


def _moment(name: str, text: str) -> datetime:
    # A + that was not escaped arrives as a space.
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError({name: "Give a time such as 2026-01-31T12:00:00Z."})
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # Of any time beyond those that an ObjectId can tell the nearest of them says the same.
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT).astimezone(UTC)


def _next_second(moment: datetime) -> ObjectId:
    return ObjectId.from_datetime(moment + timedelta(seconds=1))


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

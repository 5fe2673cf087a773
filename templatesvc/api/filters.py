"""Finding documents: what the parameters of a list mean, and which there are."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.template import loader
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from templatesvc.api import members
from templatesvc.api.field_mapping import field_for
from templatesvc.api.pagination import orderings_of
from templatesvc.api.parameters import check_parameters, parameter
from templatesvc.mongo.ids import nearest
from templatesvc.mongo.resources import ResourceQuerySet

SEARCH, AFTER, BEFORE = "search", "created_after", "created_before"


class ResourceFilter(BaseFilterBackend):
    """Narrows a list by what its view names: ``filter_fields`` and ``search_fields``.

    Unknown parameters are refused. A list field matches a value that it contains; the text ``null``
    matches documents without a value. Free JSON is filtered by its members: see ``members``.
    """

    template = "filter_form.html"

    def filter_queryset(
        self, request: Request, queryset: ResourceQuerySet, view: Any
    ) -> ResourceQuerySet:
        """Return the documents that fit all parameters; raises ValidationError (400)."""
        known = self.parameters(view)
        others = view.pagination_class.parameters
        prefixes = tuple(f"{field}." for field in members.free_fields(view))
        check_parameters(request, known | others | {"format"}, prefixes)
        members.check(request.query_params)
        # The form of a page also sends boxes that were left empty.
        is_page = request.accepted_renderer.format == "api"
        for name, text in request.query_params.items():
            if name not in others | {"format"} and not (is_page and text == "" and name in known):
                queryset = self.narrowed(queryset, name, text, view)
        return queryset

    def labels(self, view: Any) -> dict[str, str]:
        """Return what the form of a page calls the parameters that narrow a view's list."""
        return {name: name.replace("_", " ").capitalize() for name in self.parameters(view)}

    def parameters(self, view: Any) -> set[str]:
        """Return the names of the parameters that narrow a view's list."""
        search = {SEARCH} if view.search_fields else set()
        return {AFTER, BEFORE, *_plain_fields(view)} | search

    def narrowed(
        self, queryset: ResourceQuerySet, name: str, text: str, view: Any
    ) -> ResourceQuerySet:
        """Return the documents that fit one parameter; raises ValidationError (400)."""
        if name == SEARCH:
            return queryset.containing(text, *view.search_fields)
        if name in (AFTER, BEFORE):
            return queryset.created(name == AFTER, parse_time(name, text))
        if "." in name:
            return queryset.filter(__raw__=members.query(view, name, text))
        value, default = _value(view, name, text), view.document.default_of_older(name)
        if default is None or value not in (default, None):
            return queryset.filter(**{name: value})
        # Documents that are older than the field count as having the default.
        return queryset.filter(**{f"{name}__in": [] if value is None else [value, None]})

    def to_html(self, request: Request, queryset: ResourceQuerySet, view: Any) -> str:
        """Return the filter form of the list's page."""
        return loader.render_to_string(self.template, self.context(request, view))

    def context(self, request: Request, view: Any) -> dict[str, Any]:
        """Return what the form is rendered with."""
        given, labels = request.query_params, self.labels(view)
        fields = [
            {
                "name": name,
                "label": labels[name],
                "given": given.get(name, ""),
                "choices": _choices(view, name),
            }
            for name in _plain_fields(view)
        ]
        return {
            "given": given,
            "labels": labels,
            "fields": fields,
            "members": {name: text for name, text in given.items() if "." in name},
            "free": members.free_fields(view),
            "has_search": bool(view.search_fields),
            "orderings": [(each, _label(each)) for each in orderings_of(view)],
            "paging": view.paginator,
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = view.names
        found = [
            parameter(AFTER, "Created later than this.", format="date-time"),
            parameter(BEFORE, "Created earlier than this.", format="date-time"),
        ]
        if view.search_fields:
            text = names.fill("{names} that contain this text, ignoring case.").capitalize()
            found.insert(0, parameter(SEARCH, text, pattern="^[^\\u0000]*$"))
        for name in _plain_fields(view):
            field = _field(view, name)
            schema = view.schema._map_serializer_field(field, "request")
            view.schema._insert_field_validators(field, schema)
            text = names.fill(f"{{names}} whose {name} is this.").capitalize()
            if isinstance(_reading_field(view.serializer_class, name), serializers.ListField):
                text = names.fill(f"{{names}} whose {name} have this among them.").capitalize()
            found.append(parameter(name, text, **_plain(schema)))
        return found + [members.parameter(name) for name in members.free_fields(view)]


def parse_time(name: str, text: str) -> datetime:
    """Return the time that a parameter gives; raises ValidationError (400)."""
    # A + that was not escaped arrives as a space.
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None:
        raise ValidationError({name: "Give a time such as 2026-01-31T12:00:00Z."})
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # A time beyond those that an ObjectId can hold finds the same as the nearest of those.
    return nearest(moment).astimezone(UTC)


def _value(view: Any, name: str, text: str) -> Any:
    """Return the value that a text means for a field; raises ValidationError (400)."""
    if text == "null":
        return None
    try:
        return _field(view, name).run_validation(text)
    except ValidationError as error:
        raise ValidationError({name: error.detail}) from error


def _plain_fields(view: Any) -> list[str]:
    """Return the filter fields that are parameters by their own names."""
    free = members.free_fields(view)
    return [name for name in view.filter_fields if name not in free]


@cache
def _serializer_fields(serializer: Any) -> dict[str, serializers.Field]:
    return serializer().fields


@cache
def _reading_field(serializer: Any, name: str) -> serializers.Field:
    """Return the field that reads a value of a document's own field, whoever may write it."""
    field = _serializer_fields(serializer).get(name)
    if field is None or field.read_only:
        return field_for(serializer.Meta.document._fields[name])
    return field


def _field(view: Any, name: str) -> serializers.Field:
    """Return the serializer field that reads a filter's value: for a list, that of its entries."""
    field = _reading_field(view.serializer_class, name)
    return field.child if isinstance(field, serializers.ListField) else field


def _choices(view: Any, name: str) -> list[str]:
    field = _field(view, name)
    if isinstance(field, serializers.BooleanField):
        return ["true", "false"]
    return [str(choice) for choice in getattr(field, "choices", {})]


def _label(ordering: str) -> str:
    """Return what a form says of an ordering."""
    words = ordering.lstrip("-").replace("_", " ").removesuffix(" at")
    return f"{words}, {'descending' if ordering.startswith('-') else 'ascending'}"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value in a query, which is never null."""
    return {name: value for name, value in schema.items() if name not in ("nullable", "default")}

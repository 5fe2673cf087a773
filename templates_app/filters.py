"""Finding templates: by their kind, and as in every resource."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from templatesvc.api.filters import ResourceFilter
from templatesvc.api.parameters import parameter
from templatesvc.mongo.resources import ResourceQuerySet

KINDS = {"text": "string", "object": "object"}


class TemplateFilter(ResourceFilter):
    """Narrows templates to texts, or to objects."""

    template = "templates_app/filter_form.html"

    def parameters(self, view: Any) -> set[str]:
        return super().parameters(view) | {"kind"}

    def narrowed(
        self, queryset: ResourceQuerySet, name: str, text: str, view: Any
    ) -> ResourceQuerySet:
        if name != "kind":
            return super().narrowed(queryset, name, text, view)
        if text not in KINDS:
            raise ValidationError({"kind": f"Give one of: {', '.join(KINDS)}."})
        return queryset.filter(__raw__=of_kind(text))

    def context(self, request: Request, view: Any) -> dict[str, Any]:
        return super().context(request, view) | {"kinds": KINDS}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        kind = parameter("kind", "Only texts, or only objects.", enum=list(KINDS))
        return [*super().get_schema_operation_parameters(view), kind]


def of_kind(kind: str) -> dict[str, Any]:
    """Return the query for templates of a kind of ``KINDS``."""
    # $type also matches lists by their elements; another program may have stored lists.
    return {"template": {"$type": KINDS[kind], "$not": {"$type": "array"}}}

"""Operators' pages for templates."""

from __future__ import annotations

from typing import Any

from templates_app.documents import Template
from templates_app.values import strings_in
from templatesvc.admin import DocumentAdmin, display, site
from templatesvc.admin.filters import ChoiceFilter, DateFilter, TextFilter
from templatesvc.renderers import JSONRenderer

SHOWN_CHARACTERS = 80


def kind(name: str) -> dict[str, Any]:
    # $type looks into lists, which the Flask service may have stored.
    return {"template": {"$type": name, "$not": {"$type": "array"}}}


@site.register(Template)
class TemplateAdmin(DocumentAdmin):
    """What users keep."""

    list_display = ("excerpt", "profile", "version", "created", "updated")
    list_filter = (
        TextFilter("owner", "owner", "profile"),
        ChoiceFilter("kind", "kind", {"text": kind("string"), "object": kind("object")}),
        DateFilter("created", "date created"),
    )
    sortable_by = ("updated_at",)
    search_fields = ("template",)
    search_help_text = "Any part of a text in a template."
    readonly_fields = ("profile", "excerpt", "version", "created", "updated")

    def matches(self, row: dict[str, Any], text: str) -> bool:
        return any(text in string.casefold() for string in strings_in(row.get("template")))

    def name_of(self, template: Template) -> str:
        return self.excerpt(template)

    @display(description="template")
    def excerpt(self, template: Template) -> str:
        value = template.template
        text = value if isinstance(value, str) else JSONRenderer().render(value).decode()
        return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"

    @display(description="owner")
    def profile(self, template: Template) -> str:
        return template.profile

    @display(ordering="updated_at")
    def updated(self, template: Template) -> object:
        return template.updated

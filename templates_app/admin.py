"""Operators' pages for templates, and for those that were deleted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.resources import ResourceAdmin
from accounts.resources.admin import excerpt_of
from templates_app.documents import Template
from templates_app.exceptions import TemplateExists
from templates_app.filters import KINDS, of_kind
from templates_app.forms import TemplateForm, initial_values
from templatesvc.admin import site
from templatesvc.admin.filters import ChoiceFilter
from templatesvc.admin.values import in_text


@site.register(Template)
class TemplateAdmin(ResourceAdmin):
    """What users keep."""

    list_display = ("template", "owner", "version", "created_at", "updated_at")
    list_filter = (ChoiceFilter("kind", "kind", {name: of_kind(name) for name in KINDS}),)
    search_fields = ("template",)
    search_help_text = "Any part of a text in a template."
    form_class = TemplateForm
    exists_error = TemplateExists

    def name_of(self, template: Template) -> str:
        return str(excerpt_of(in_text(template.template)))

    def initial(self, template: Template) -> dict[str, Any]:
        return initial_values(template.template)

    def values(
        self, request: HttpRequest, template: Template, form: dict[str, Any]
    ) -> dict[str, Any]:
        return {"template": form["value"]}

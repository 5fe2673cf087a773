"""Operators' pages for templates, and for those that were deleted."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from mongoengine.queryset import QuerySet

from accounts import dashboard
from accounts.admin import UserAdmin, entries
from accounts.audit import AuditEntry
from accounts.documents import User
from accounts.operations import Actor
from templates_app import operations
from templates_app.documents import Template, TemplateVersion
from templates_app.filters import KINDS, of_kind
from templates_app.forms import TemplateForm, typed
from templatesvc.admin import DocumentAdmin, Happened, action, display, site
from templatesvc.admin.filters import ChoiceFilter, DateFilter, TextFilter
from templatesvc.admin.forms import ReasonForm
from templatesvc.api.renderers import JSONRenderer
from templatesvc.mongo.documents import now
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.values import strings_in

EXCERPT = 80  # characters
dashboard.counted.append(Template)


def text_of(value: Any) -> str:
    """Return a template in one text: itself, or JSON."""
    return value if isinstance(value, str) else JSONRenderer().render(value).decode()


def excerpt_of(value: Any) -> str:
    text = text_of(value)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


@site.register(Template)
class TemplateAdmin(DocumentAdmin):
    """What users keep."""

    list_display = ("excerpt", "owner", "version", "created", "updated")
    list_filter = (
        TextFilter("owner", "owner", "profile"),
        ChoiceFilter("kind", "kind", {name: of_kind(name) for name in KINDS}),
        DateFilter("created", "date created"),
    )
    sortable_by = ("updated_at",)
    search_fields = ("template",)
    search_help_text = "Any part of a text in a template."
    search_most = 5000
    readonly_fields = ("owner", "id", "version", "created", "updated")
    form_class = TemplateForm

    def name_of(self, template: Template) -> str:
        return excerpt_of(template.template)

    @display(description="template")
    def excerpt(self, template: Template) -> str:
        return excerpt_of(template.template)

    @display(ordering="updated_at")
    def updated(self, template: Template) -> Any:
        return template.updated

    def matches(self, row: dict[str, Any], text: str) -> bool:
        return any(text in string.casefold() for string in strings_in(row.get("template")))

    def initial(self, template: Template) -> dict[str, Any]:
        return typed(template.template)

    def state(self, template: Template) -> str:
        return template.etag

    def save(self, request: HttpRequest, template: Template, values: dict[str, Any]) -> bool:
        by = Actor.of(request)
        return operations.change(by, template, values["value"], values["reason"])

    def links(self, request: HttpRequest, template: Template) -> Iterator[tuple[str, str]]:
        query = urlencode({"q": template.owner})
        yield "Owner", f"{reverse('admin:accounts_user_changelist')}?{query}"

    def history(self, template: Template) -> Iterable[Happened]:
        """Return what operators did to it, and the states that it was in."""
        document = operations.document_of(template.id)
        acts = entries(AuditEntry.objects(document=document))
        return heapq.merge(acts, versions(template), key=lambda line: line.at, reverse=True)

    @action(
        description="Delete",
        consequence="It can be restored from the deleted templates for some time.",
        done="“{name}” was deleted.",
        permission="delete",
        form_class=ReasonForm,
        removes=True,
    )
    def delete(self, request: HttpRequest, template: Template, values: dict[str, Any]) -> None:
        operations.delete(Actor.of(request), template, **values)

    actions = (delete,)


def versions(template: Template) -> Iterator[Happened]:
    """Yield the states that a template was in, the latest first."""
    found = TemplateVersion.objects(owner=template.owner, document_id=template.id)
    for version in found.order_by("-version").limit(100):
        what = f"Version {version.version} was replaced."
        yield Happened(version.replaced_at, "", what, excerpt_of(version.template))


@site.register(TemplateVersion)
class DeletedTemplateAdmin(DocumentAdmin):
    """Templates that were deleted, as long as the history keeps them."""

    verbose_name = "deleted template"
    list_display = ("excerpt", "owner", "version", "deleted_at", "expires_at")
    list_filter = (TextFilter("owner", "owner", "profile"),)
    ordering = "-deleted_at"
    readonly_fields = ("owner", "document_id", "version", "text", "deleted_at", "expires_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return TemplateVersion.objects(deleted_at__ne=None, expires_at__gt=now())

    def name_of(self, version: DocumentVersion) -> str:
        return excerpt_of(version.template)

    @display(description="template")
    def excerpt(self, version: DocumentVersion) -> str:
        return excerpt_of(version.template)

    @display(description="template")
    def text(self, version: DocumentVersion) -> str:
        return text_of(version.template)

    @action(
        description="Restore",
        consequence="Its owner has it again, under the id that it had unless somebody else has "
        "imported that.",
        done="“{name}” is there again.",
        permission="templates_app.change_template",
        form_class=ReasonForm,
        removes=True,
    )
    def restore(
        self, request: HttpRequest, version: DocumentVersion, values: dict[str, Any]
    ) -> None:
        operations.restore(Actor.of(request), version, **values)

    actions = (restore,)


def templates_of(user: User) -> tuple[str, str]:
    """Return the name and the URL of the list of a user's templates."""
    url = reverse("admin:templates_app_template_changelist")
    return "Templates", f"{url}?{urlencode({'owner': user.username})}"


UserAdmin.related.append(templates_of)

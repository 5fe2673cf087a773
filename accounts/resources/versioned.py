"""Operators' pages for documents with earlier versions, and for deleted documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import URLPattern
from mongoengine.queryset import QuerySet

from accounts.admin.links import user_link
from accounts.operations import Actor
from accounts.resources.operations import Operations
from accounts.resources.version_views import VersionView
from templatesvc.admin import DocumentAdmin, Happened, action
from templatesvc.admin.filters import Filter, TextFilter
from templatesvc.admin.forms import ReasonForm
from templatesvc.mongo import ids
from templatesvc.mongo.clock import now
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.names import Names
from templatesvc.mongo.versions import version_query

if TYPE_CHECKING:
    from accounts.resources.admin import ResourceAdmin


class Versioned(DocumentAdmin):
    """Pages of documents with earlier versions, which have pages of their own."""

    operations: Operations
    can_restore_versions = False

    @property
    def is_owned(self) -> bool:
        """Whether the documents have owners."""
        return self.document.owner is not None

    def versions_of(self, document: Any) -> QuerySet:
        """Return the query of a document's versions."""
        raise NotImplementedError

    def version_of(self, document: Any, number: int) -> DocumentVersion | None:
        return self.versions_of(document).filter(__raw__={"version": version_query(number)}).first()

    def get_filters(self) -> Iterator[Filter]:
        if self.is_owned:
            yield TextFilter("owner", "owner", self.document.owner.db_field)

    def owner(self, document: Any) -> str:
        return user_link(document.owner)

    def get_urls(self) -> list[URLPattern]:
        route = rf"/(?P<pk>{ids.PATTERN})/versions/(?P<number>[0-9]{{1,18}})"
        return [self.path(route, VersionView, "version"), *super().get_urls()]


class DeletedAdmin(Versioned):
    """Deleted documents, as long as the history keeps them."""

    ordering = "-deleted_at"

    def __init__(self, resource: ResourceAdmin) -> None:
        self.resource, document = resource, resource.document
        self.operations = resource.operations
        of = resource.opts.names
        names = Names(f"deleted {of.singular}", f"deleted {of.plural}", "a")
        super().__init__(document.Version, resource.site, names)
        owner, times = ("owner",) if self.is_owned else (), ("deleted_at", "expires_at")
        self.list_display = ("name", *owner, "version", *times)
        self.readonly_fields = (*owner, "document_id", "version", *document.own_fields, *times)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return self.document.objects(deleted_at__ne=None, expires_at__gt=now())

    def has_permission(self, request: HttpRequest, verb: str) -> bool:
        return self.resource.has_permission(request, verb)

    def versions_of(self, version: DocumentVersion) -> QuerySet:
        return self.document.of(version.owner, version.document_id)

    def history(self, version: DocumentVersion) -> Iterable[Happened]:
        return self.resource.history_of(version.document_id, version, self)

    def name_of(self, version: DocumentVersion) -> str:
        document = self.resource.document
        whose = document.whose(version.owner)
        before = document(id=version.document_id, **whose, **version.own_values)
        return self.resource.name_of(before)

    def name(self, version: DocumentVersion) -> str:
        return self.name_of(version)

    def label_of(self, name: str) -> str:
        return (
            self.resource.opts.verbose_name.capitalize()
            if name == "name"
            else super().label_of(name)
        )

    @action(
        description="Restore",
        consequence="It comes back under its old id.",
        done="“{name}” was restored.",
        done_many="{count} {names} were restored.",
        form_class=ReasonForm,
        removes=True,
    )
    def restore(
        self, request: HttpRequest, version: DocumentVersion, values: dict[str, Any]
    ) -> None:
        self.resource.operations.restore(Actor.of(request), version, **values)

    actions = (restore,)

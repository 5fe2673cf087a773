"""Operators' pages for documents, with or without owners."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeData
from mongoengine.base import BaseDocument
from mongoengine.queryset import QuerySet
from rest_framework import serializers

from accounts.admin.audit import doer, entries
from accounts.admin.links import listed, user_link
from accounts.audit import AuditEntry
from accounts.operations import Actor
from accounts.resources.operations import Operations
from accounts.resources.versioned import DeletedAdmin, Versioned
from templatesvc.admin import DocumentAdmin, Happened, action, display
from templatesvc.admin.fields import (
    changed_values,
    form_of,
    initial_values,
    new_values,
    serializer_of,
)
from templatesvc.admin.filters import ChoiceFilter, DateFilter, Filter, in_words
from templatesvc.admin.forms import ReasonForm
from templatesvc.admin.sites import DocumentSite
from templatesvc.admin.values import in_text
from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.exceptions import Conflict
from templatesvc.api.field_mapping import field_for
from templatesvc.mongo.clock import now
from templatesvc.mongo.names import Names
from templatesvc.mongo.resources import ResourceDocument, Values
from templatesvc.mongo.values import strings_in

EXCERPT = 80  # characters
SHOWN_VERSIONS = 100


def excerpt_of(value: Any) -> Any:
    """Return the beginning of a text; any other value as it is."""
    return f"{value[:EXCERPT]}…" if isinstance(value, str) and len(value) > EXCERPT else value


class ResourceAdmin(Versioned):
    """The pages of a document: list, search, form, deletion, history and restoration.

    A subclass says what its list shows and where a search looks; everything else follows from the
    document. Documents without owners can be added as well.
    """

    document: type[ResourceDocument]

    list_display: Sequence[str] = ("name", "owner", "version", "created_at", "updated_at")
    # Besides the owner and the date: filters, or the names of fields that have choices.
    list_filter: ClassVar[Sequence[Filter | str]] = ()
    search_most = 5000
    can_restore_versions = True
    # Checks the form; by default it is made from the document's fields.
    serializer_class: type[DocumentSerializer] | None = None
    # The error for a document that its owner has already.
    exists_error: type[Conflict] | None = None

    def __init__(
        self, document: type[ResourceDocument], site: DocumentSite, names: Names | None = None
    ) -> None:
        super().__init__(document, site, names)
        own, owner = document.own_fields, ("owner",) if self.is_owned else ()
        self.list_display = [n for n in self.list_display if n != "owner" or self.is_owned]
        self.serializer = self.serializer_class or serializer_of(document)
        self.form_class = self.form_class or form_of(self.serializer)
        self.operations = Operations(document, self.exists_error)
        if not self.is_owned:
            self.add_form_class = self.add_form_class or self.form_class
        self.sortable_by = self.sortable_by or ("id", "updated_at", *_orderings(document))
        times = ("created_at", "updated_at")
        self.readonly_fields = self.readonly_fields or (*own, *owner, "id", "version", *times)
        fields = " or ".join(name.replace("_", " ") for name in self.search_fields)
        self.search_help_text = self.search_help_text or f"Any part of a text in {fields}."

    def companions(self) -> Iterator[DocumentAdmin]:
        yield DeletedAdmin(self)

    def get_filters(self) -> Iterator[Filter]:
        yield from super().get_filters()
        for each in self.list_filter:
            yield self._filter(each) if isinstance(each, str) else each
        yield DateFilter("created", "date created")

    def _filter(self, name: str) -> Filter:
        """Return the filter for a field with choices, or a boolean."""
        stored, title = self.document._fields[name].db_field, name.replace("_", " ")
        field = field_for(self.document._fields[name])
        if isinstance(field, serializers.ChoiceField):
            queries: dict[str, Any] = {str(value): {stored: value} for value in field.choices}
            labels = {
                str(value): in_words(label) if label == value else str(label)
                for value, label in field.choices.items()
            }
            return ChoiceFilter(name, title, queries, labels)
        if isinstance(field, serializers.BooleanField):
            return ChoiceFilter(name, title, {"yes": {stored: True}, "no": {stored: {"$ne": True}}})
        raise TypeError(
            f"{type(self).__name__}.list_filter: {name!r} has no choices to offer; give a "
            "TextFilter, or another of templatesvc.admin.filters."
        )

    def matches(self, row: dict[str, Any], text: str) -> bool:
        found = (string for name in self.searched for string in strings_in(row.get(name)))
        return any(text in string.casefold() for string in found)

    # --- How it is shown ---------------------------------------------------------------------

    def name_of(self, document: Any) -> str:
        """Return the beginning of the document's text; its id if the class has no ``__str__``."""
        has_words = type(document).__str__ is not BaseDocument.__str__
        return str(excerpt_of(str(document))) if has_words else str(document.id)

    @display(description="name")
    def name(self, document: ResourceDocument) -> str:
        return self.name_of(document)

    @display(description="created at (UTC)", ordering="id")
    def created_at(self, document: ResourceDocument) -> datetime:
        return document.created

    @display(description="updated at (UTC)", ordering="updated_at")
    def updated_at(self, document: ResourceDocument) -> datetime:
        return document.updated

    def row(self, document: Any) -> list[Any]:
        cells = super().row(document)
        return [cell if isinstance(cell, SafeData) else excerpt_of(cell) for cell in cells]

    def links(self, request: HttpRequest, document: ResourceDocument) -> Iterator[tuple[str, str]]:
        yield "Audit", listed("auditentry", document=self.operations.name_of(document.id))

    def history(self, document: ResourceDocument) -> Iterable[Happened]:
        """Return what operators did to a document, and its past states."""
        return self.history_of(document.id, document, self)

    def history_of(self, id: Any, document: Any, pages: Versioned) -> Iterable[Happened]:
        """Return the history of a document, whose states link to ``pages``."""
        acts = entries(AuditEntry.objects(document=self.operations.name_of(id)), of_a_document=True)
        states = self._states(document, pages, self._doers(id))
        return heapq.merge(acts, states, key=lambda line: line.at, reverse=True)

    def _doers(self, id: Any) -> dict[int | None, str]:
        """Return the operators who changed or deleted versions of a document, by version."""
        found = AuditEntry.objects(document=self.operations.name_of(id)).order_by("-id")
        # At most two entries for each version: its change or deletion, and a restoration.
        told = [entry for entry in found.limit(2 * SHOWN_VERSIONS) if "version" in entry.changes]
        return {entry.changes["version"][0]: doer(entry) for entry in told}

    def _states(
        self, document: Any, pages: Versioned, doers: dict[int | None, str]
    ) -> Iterator[Happened]:
        remembered = now() - settings.AUDIT_RETENTION
        found = pages.versions_of(document)
        # One at a time, because each may be large.
        for version in found.walk("version", descending=True, limit=SHOWN_VERSIONS):
            became = "deleted" if version.deleted_at else "replaced"
            what = f"Version {version.version} was {became}."
            values = self.values_in_words(version.own_values)
            url = pages.url_of("version", document, version.version)
            # As far back as the audit goes, the owner did what no operator did.
            owner = user_link(version.owner) if version.replaced_at > remembered else ""
            by = doers.get(version.version, owner)
            yield Happened(version.replaced_at, by, what, values, url)

    def versions_of(self, document: ResourceDocument) -> QuerySet:
        return document.Version.of(document.owner, document.id)

    def values_in_words(self, values: Values) -> str:
        """Return the values of a state in a line, with the names of fields if there are several."""
        texts = {name: excerpt_of(in_text(value)) for name, value in values.items()}
        if len(texts) == 1:
            return next(iter(texts.values()))
        return "; ".join(f"{self.label_of(name)}: {text}" for name, text in texts.items())

    # --- What can be done --------------------------------------------------------------------

    def initial(self, document: ResourceDocument) -> dict[str, Any]:
        return initial_values(self.serializer, document)

    def state(self, document: ResourceDocument) -> str:
        return document.etag

    def saved_by(self, document: ResourceDocument) -> str:
        """Return the operator who made this version, or else its owner."""
        name = self.operations.name_of(document.id)
        last = AuditEntry.objects(document=name).order_by("-id").first()
        made = last.changes.get("version", [0])[-1] if last else 0
        if last and made == document.version:
            return last.by
        return f"{document.owner}, the owner," if self.is_owned else super().saved_by(document)

    def values(
        self, request: HttpRequest, document: ResourceDocument, form: dict[str, Any]
    ) -> Values:
        """Return the new values that the form holds; raises ValidationError (400)."""
        serializer = self.serializer(context={"request": request})
        return changed_values(serializer, document, form, request.POST)

    def save(
        self, request: HttpRequest, document: ResourceDocument, values: dict[str, Any]
    ) -> bool:
        new = self.values(request, document, values)
        return self.operations.change(Actor.of(request), document, new, values["reason"])

    def create(self, request: HttpRequest, form: dict[str, Any]) -> ResourceDocument:
        values = new_values(self.serializer(context={"request": request}), form)
        return self.operations.create(Actor.of(request), values, form["reason"])

    @action(
        description="Delete",
        consequence="It can be restored while it is among the deleted {names}.",
        done="“{name}” was deleted.",
        done_many="{count} {names} were deleted.",
        permission="delete",
        form_class=ReasonForm,
        removes=True,
    )
    def delete(
        self, request: HttpRequest, document: ResourceDocument, values: dict[str, Any]
    ) -> None:
        self.operations.delete(Actor.of(request), document, **values)

    actions = (delete,)


def _orderings(document: type[ResourceDocument]) -> list[str]:
    return [name.lstrip("-") for name in document._meta.get("orderings", [])]

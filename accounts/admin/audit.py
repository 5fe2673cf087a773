"""Operators' pages for the audit, and the entries that other pages show."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from mongoengine.queryset import QuerySet

from accounts import operations
from accounts.admin.links import document_link, user_link
from accounts.audit import AuditEntry, sentences
from accounts.operations import Actor
from templatesvc.admin import DocumentAdmin, Happened, display, site
from templatesvc.admin.changelist import everything
from templatesvc.admin.filters import DateFilter, Filter, TextFilter
from templatesvc.admin.views import DocumentView
from templatesvc.api.ndjson import NDJSON
from templatesvc.api.streams import streamed
from templatesvc.mongo.keysets import Query
from templatesvc.mongo.resources import ResourceDocument

SHOWN_ENTRIES = 100


class AuditExportView(DocumentView):
    """The export of a list, as it is filtered and searched."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with a line of JSON for each entry, the oldest first."""
        entries = everything(self.admin, request)
        lines = operations.export_audit(Actor.of(request), entries)
        return streamed(lines, NDJSON, "audit.ndjson")


class ActionFilter(Filter):
    """The entries of one action."""

    def query(self, value: str) -> Query | None:
        return {"action": value} if value in sentences() else None

    def choices(self) -> Iterator[tuple[str, str]]:
        # In the words of the column, so that operators find what they have read there.
        return ((value, sentence.rstrip(".")) for value, sentence in sentences().items())


class SubjectFilter(TextFilter):
    """The entries about one document, given as ``things/65f0…`` or by its id alone."""

    hint = "Its ID"

    def query(self, value: str) -> Query | None:
        if "/" in value:
            return super().query(value)
        resources = (each for each in site.admins if issubclass(each, ResourceDocument))
        return {self.field: {"$in": [f"{each.names.slugs}/{value}" for each in resources]}}


@site.register(AuditEntry)
class AuditEntryAdmin(DocumentAdmin):
    """Who did what to whom, and when."""

    section, menu_order = "Activity", 2

    list_display = ("at", "what", "username", "by", "subject", "origin")
    list_filter = (
        TextFilter("user", "user", "username"),
        TextFilter("by", "who did it", "by"),
        SubjectFilter("document", "document", "document"),
        ActionFilter("action", "action"),
        DateFilter("at", "time"),
    )
    search_fields = ("username", "by")
    search_help_text = "Any part of the name of a user, or of the person who did it."
    search_most = 5000
    readonly_fields = (*list_display[:-1], "details", "ip", "request_id", "user_agent")

    def name_of(self, entry: AuditEntry) -> str:
        return entry.sentence

    def what(self, entry: AuditEntry) -> str:
        return entry.sentence

    @display(description="user")
    def username(self, entry: AuditEntry) -> str:
        return user_link(entry.username)

    def by(self, entry: AuditEntry) -> str:
        return doer(entry)

    @display(description="document")
    def subject(self, entry: AuditEntry) -> str:
        link = document_link(entry.document)
        return link and format_html('<span class="id">{}</span>', link)

    @display(description="from, request")
    def origin(self, entry: AuditEntry) -> str:
        """Return the address and the id of the request."""
        return format_html(
            '{}<br><span class="mini quiet id">{}</span>', entry.ip or "-", entry.request_id
        )

    def details(self, entry: AuditEntry) -> str:
        return "; ".join(entry.particulars)

    def list_links(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        yield "Export", f"{self.url_of('export')}?{request.GET.urlencode()}"

    def get_urls(self) -> list[URLPattern]:
        return [self.path("/export", AuditExportView, "export"), *super().get_urls()]


def doer(entry: AuditEntry) -> str:
    """Return who did it, with a link if it is a user and nobody at the shell."""
    is_person = entry.request_id or entry.by == entry.username
    return user_link(entry.by) if is_person else entry.by


def entries(found: QuerySet, of_a_document: bool = False) -> Iterator[Happened]:
    """Yield the latest entries as lines of a history, with what else they are about."""
    for entry in found.order_by("-id").limit(SHOWN_ENTRIES):
        named = [] if of_a_document else filter(None, [document_link(entry.document)])
        more = [*named, *entry.particulars]
        url = site.admins[AuditEntry].url_of("change", entry)
        text = format_html_join("; ", "{}", ((each,) for each in more))
        yield Happened(entry.at, doer(entry), entry.sentence, text, url, entry.ip)

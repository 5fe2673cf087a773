"""The views behind the pages of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pymongo
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views import View

from templatesvc.admin.changelist import SEARCH, ChangeList

if TYPE_CHECKING:
    from templatesvc.admin.options import DocumentAdmin

SEARCH_SECONDS = 5


class DocumentView(View):
    """A page of a document's; ``verb`` is the permission that it takes."""

    admin: DocumentAdmin = None  # as_view gives it
    verb = "view"
    template_name = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.admin.has_permission(request, self.verb):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def page(self, title: str, **context: Any) -> TemplateResponse:
        site, opts = self.admin.site, self.admin.opts
        shown = site.each_context(self.request) | {"opts": opts, "title": title}
        shown |= {"list_url": self.admin.url_of("changelist")} | context
        self.request.current_app = site.name
        return TemplateResponse(self.request, self.template_name, shown)


class ChangeListView(DocumentView):
    """The list."""

    template_name = "admin/document/change_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        with pymongo.timeout(SEARCH_SECONDS if request.GET.get(SEARCH) else None):
            changes = ChangeList(request, self.admin)
        return self.page(
            f"Select {self.admin.opts.verbose_name} to view",
            cl=changes,
            show_all_url=changes.url(q=None),
        )


class ChangeView(DocumentView):
    """One document."""

    template_name = "admin/document/change_form.html"

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        document = self.admin.get_object(request, pk)
        title = f"View {self.admin.opts.verbose_name}"
        return self.page(
            title, subtitle=str(document), original=str(document), facts=self.admin.facts(document)
        )

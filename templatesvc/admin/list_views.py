"""The view behind a list, and behind the acts on what is ticked in it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from templatesvc.admin.action_views import ActionView
from templatesvc.admin.actions import Action
from templatesvc.admin.changelist import SEARCH, ChangeList
from templatesvc.admin.views import DocumentView
from templatesvc.mongo import ids

# The name of Django's for the boxes that are ticked.
TICKED = "_selected_action"


class ChangeListView(DocumentView):
    """The list, and the acts on what is ticked in it."""

    template_name = "admin/document/change_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of the list."""
        admin = self.admin
        changes = ChangeList(request, admin)
        actions = self._actions()
        return self.page(
            f"Select {admin.opts.verbose_name} to {'change' if actions else 'view'}",
            cl=changes,
            actions=actions,
            tools=list(admin.list_links(request)),
            add_url=admin.url_of("add"),
            show_all_url=changes.url(**{SEARCH: None}),
        )

    def _actions(self) -> list[Action]:
        return [action for action in self.admin.allowed(self.request) if action.is_bulk]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Ask before an act on the documents that are ticked, then do it."""
        asked = request.POST.get("action")
        chosen = [action for action in self.admin.actions if action.name == asked]
        if not chosen or not request.POST.getlist(TICKED):
            self.tell("Tick some, and choose what to do with them.", messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
        if chosen[0] not in self._actions():
            raise PermissionDenied
        documents = list(self._ticked())
        view = ActionView(admin=self.admin, action=chosen[0])
        view.setup(request)
        return view.ask_or_do(documents, HttpResponseRedirect(request.get_full_path()))

    def _ticked(self) -> Any:
        try:
            ticked = [ids.decode(text) for text in self.request.POST.getlist(TICKED)]
        except ValueError as error:
            raise Http404 from error
        most = self.admin.list_per_page
        found = self.admin.get_queryset(self.request)
        return found.filter(__raw__={"_id": {"$in": ticked[:most]}}).limit(most)

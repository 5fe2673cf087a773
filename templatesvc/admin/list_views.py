"""The view behind a list, and behind the actions on what is ticked in it."""

from __future__ import annotations

from collections.abc import Collection
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

# Django's name for the boxes that are ticked.
TICKED = "_selected_action"


class ChangeListView(DocumentView):
    """The list, and the actions on what is ticked in it."""

    template_name = "admin/document/change_list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of the list."""
        return self._page()

    def _page(self, chosen: str = "", ticked: Collection[str] = ()) -> HttpResponse:
        admin = self.admin
        changes = ChangeList(self.request, admin)
        actions = self._actions()
        return self.page(
            f"Select {admin.opts.verbose_name} to {'change' if actions else 'view'}",
            cl=changes,
            actions=actions,
            chosen=chosen,
            ticked=ticked,
            tools=list(admin.list_links(self.request)),
            add_url=admin.url_of("add"),
            show_all_url=changes.url(**{SEARCH: None}),
        )

    def _actions(self) -> list[Action]:
        return [action for action in self.admin.allowed(self.request) if action.is_bulk]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Ask before an action on the documents that are ticked, then do it."""
        asked, ticked = request.POST.get("action", ""), request.POST.getlist(TICKED)
        chosen = [action for action in self.admin.actions if action.name == asked]
        if not chosen or not ticked:
            self.tell("Select items and an action.", messages.WARNING)
            return self._page(asked, ticked)
        if chosen[0] not in self._actions():
            raise PermissionDenied
        documents = list(self._ticked())
        if not documents:
            self.tell("What you selected is not there any more.", messages.WARNING)
            return HttpResponseRedirect(request.get_full_path())
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

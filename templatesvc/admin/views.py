"""The views behind the pages of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views import View
from mongoengine.errors import NotUniqueError
from rest_framework.exceptions import APIException

from templatesvc.admin.actions import Action
from templatesvc.admin.changelist import SEARCH, ChangeList
from templatesvc.admin.forms import PlainForm
from templatesvc.api.exceptions import Conflict, translated
from templatesvc.api.problems import message
from templatesvc.mongo import ids
from templatesvc.mongo.quota import OverQuota

if TYPE_CHECKING:
    from templatesvc.admin.options import DocumentAdmin

# What raises an error that the service explains; others are its bugs.
REFUSALS = (APIException, NotUniqueError, OverQuota)
# The name of Django's for the boxes that are ticked.
TICKED = "_selected_action"


class DocumentView(View):
    """A page of a document's; ``verb`` is the permission that it takes."""

    admin: DocumentAdmin = None  # as_view gives it
    verb = "view"
    template_name = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_allowed():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def is_allowed(self) -> bool:
        return self.admin.has_permission(self.request, self.verb)

    def page(self, title: str, **context: Any) -> TemplateResponse:
        """Return the page, with what every page of the site and of this document has."""
        site, opts = self.admin.site, self.admin.opts
        shown = site.each_context(self.request) | {"opts": opts, "title": title}
        shown |= {"list_url": self.admin.url_of("changelist")} | context
        self.request.current_app = site.name
        return TemplateResponse(self.request, self.template_name, shown)

    def about(self, document: Any) -> dict[str, Any]:
        """Return what a page about one document has besides."""
        admin, request = self.admin, self.request
        return {
            "original": admin.name_of(document),
            "change_url": admin.url_of("change", document),
            "history_url": admin.url_of("history", document),
            "links": list(admin.links(request, document)),
            "actions": [
                (action, admin.url_of(action.name, document))
                for action in admin.allowed(request)
                if action.applies(document)
            ],
        }

    def tell(self, text: str, level: int = messages.SUCCESS) -> None:
        """Have the next page show a sentence."""
        messages.add_message(self.request, level, text)


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


class ActionView(DocumentView):
    """An act on one document."""

    action: Action = None  # as_view gives it
    template_name = "admin/document/confirmation.html"

    def is_allowed(self) -> bool:
        return self.admin.allows(self.request, self.action)

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask, unless it does not apply to the document: then its page says so."""
        document = self.admin.get_object(request, pk)
        if not self.action.applies(document):
            self._tell_refusal(document, self._does_not_apply())
            return HttpResponseRedirect(self.admin.url_of("change", document))
        return self._ask([document], self._form([document], None))

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        document = self.admin.get_object(request, pk)
        page = "changelist" if self.action.removes else "change"
        url = self.admin.url_of(page, None if self.action.removes else document)
        return self.ask_or_do([document], HttpResponseRedirect(url))

    def ask_or_do(self, documents: list[Any], afterwards: HttpResponse) -> HttpResponseBase:
        """Do it if the page that asks was sent, or ask."""
        is_sent = "post" in self.request.POST
        form = self._form(documents, self.request.POST if is_sent else None)
        if not form.is_valid():
            return self._ask(documents, form)
        if len(documents) == 1:
            return self._do_one(documents[0], form, afterwards)
        for document in documents:
            try:
                self._do(document, form)
            except REFUSALS as refusal:
                self._tell_refusal(document, translated(refusal))
        return afterwards

    def _do_one(self, document: Any, form: PlainForm, afterwards: HttpResponse) -> HttpResponseBase:
        try:
            return self._do(document, form) or afterwards
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return self._ask([document], form)

    def _do(self, document: Any, form: PlainForm) -> HttpResponseBase | None:
        if not self.action.applies(document):
            raise self._does_not_apply()
        answer = self.action.run(self.admin, self.request, document, form.cleaned_data)
        if answer is False:
            raise self._does_not_apply()
        if isinstance(answer, HttpResponseBase):
            return answer
        self.tell(self.action.done.format(name=self.admin.name_of(document)))
        return None

    def _does_not_apply(self) -> Conflict:
        return Conflict(f"“{self.action.description}” does not apply as things are now.")

    def _tell_refusal(self, document: Any, refusal: APIException) -> None:
        self.tell(f"“{self.admin.name_of(document)}”: {message(refusal)}", messages.ERROR)

    def _form(self, documents: list[Any], data: Any) -> PlainForm:
        form = self.action.form_class(data)
        if documents:
            form.named = self.admin.name_of(documents[0])
        return form

    def _ask(self, documents: list[Any], form: PlainForm) -> HttpResponse:
        one = {}
        if len(documents) == 1:
            one = self.about(documents[0])
        names = [(ids.encode(document.pk), self.admin.name_of(document)) for document in documents]
        return self.page(
            self.action.description,
            form=form,
            action=self.action,
            consequence=self.admin.opts.names.fill(self.action.consequence),
            documents=names,
            **one,
        )


class ChangeView(DocumentView):
    """One document: what is known of it, and a form if there is one and the operator may."""

    template_name = "admin/document/change_form.html"

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        document = self.admin.get_object(request, pk)
        form = self._form(None, initial=self.admin.initial(document))
        return self._page(document, form)

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Save, unless somebody else has saved since the page was opened."""
        if not self.admin.form_class or not self.admin.has_permission(request, "change"):
            raise PermissionDenied
        document = self.admin.get_object(request, pk)
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(document, form)
        if request.POST.get("_state") != self.admin.state(document):
            return self._conflict(document, form)
        try:
            if not self.admin.save(request, document, form.cleaned_data):
                return self._conflict(self.admin.get_object(request, pk), form)
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return self._page(document, form)
        opts, name = self.admin.opts, self.admin.name_of(self.admin.get_object(request, pk))
        self.tell(f"The {opts.verbose_name} “{name}” was changed.")
        return HttpResponseRedirect(request.get_full_path())

    def _form(self, data: Any, **kwargs: Any) -> Any:
        form_class = self.admin.form_class
        may_change = form_class and self.admin.has_permission(self.request, "change")
        return form_class(data, **kwargs) if form_class and may_change else None

    def _conflict(self, document: Any, form: Any) -> HttpResponse:
        """Show what stands there now beside what was to be saved, which is still in the form."""
        form.add_error(
            None,
            "Somebody else saved while you had this page open. Here is what they saved, and what "
            "you typed, which is still in the form: save again to put it in its place.",
        )
        theirs = self.admin.initial(document)
        both = [
            (field.label, theirs[field.name], field.value())
            for field in form
            if field.name in theirs and theirs[field.name] != form.cleaned_data.get(field.name)
        ]
        return self._page(document, form, conflict=both)

    def _page(self, document: Any, form: Any, **context: Any) -> HttpResponse:
        opts, about = self.admin.opts, self.about(document)
        return self.page(
            f"{'Change' if form else 'View'} {opts.verbose_name}",
            subtitle=about["original"],
            facts=self.admin.facts(document, form.fields if form else ()),
            form=form,
            state=self.admin.state(document),
            **about,
            **context,
        )


class AddView(DocumentView):
    """A form for a new document."""

    verb = "add"
    template_name = "admin/document/change_form.html"

    def is_allowed(self) -> bool:
        if not self.admin.add_form_class:
            raise Http404
        return super().is_allowed()

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(self._form(None))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create it, and go to its page."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form)
        try:
            document = self.admin.create(request, form.cleaned_data)
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return self._page(form)
        self.tell(f"The {self.admin.opts.verbose_name} “{self.admin.name_of(document)}” was added.")
        return HttpResponseRedirect(self.admin.url_of("change", document))

    def _form(self, data: Any) -> Any:
        assert self.admin.add_form_class is not None
        return self.admin.add_form_class(data)

    def _page(self, form: Any) -> HttpResponse:
        return self.page(f"Add {self.admin.opts.verbose_name}", form=form, add=True)


class HistoryView(DocumentView):
    """What happened to a document."""

    template_name = "admin/document/history.html"

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        document = self.admin.get_object(request, pk)
        happened = list(self.admin.history(document))
        about = self.about(document)
        title = f"Change history: {about['original']}"
        return self.page(title, happened=happened, **about)

"""The views behind the pages of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.views import View
from mongoengine.errors import NotUniqueError
from rest_framework.exceptions import APIException

from templatesvc.admin.changelist import KEPT, parameters_of
from templatesvc.api.exceptions import translated
from templatesvc.mongo.quota import OverQuota

if TYPE_CHECKING:
    from templatesvc.admin.options import DocumentAdmin, Happened

# Errors that the service explains; others are its bugs.
REFUSALS = (APIException, NotUniqueError, OverQuota)


class DocumentView(View):
    """A page about documents; ``verb`` is the permission that it needs."""

    admin: DocumentAdmin = None  # as_view gives it
    verb = "view"
    template_name = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_allowed():
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def is_allowed(self) -> bool:
        return self.admin.has_permission(self.request, self.verb)

    def url_of(self, page: str, document: Any = None, *args: Any) -> str:
        """Return the URL of a page; it remembers the list that somebody came from."""
        url = self.admin.url_of(page, document, *args)
        if page == "changelist":
            return f"{url}?{self.kept}" if self.kept else url
        return self.with_way_back(url)

    def with_way_back(self, url: str) -> str:
        return f"{url}?{urlencode({KEPT: self.kept})}" if self.kept else url

    @property
    def kept(self) -> str:
        """The query string of the list from which somebody came here."""
        return parameters_of(self.request).get(KEPT, "")

    def page(self, title: str, **context: Any) -> TemplateResponse:
        """Return the page, with the context that all pages of the site and the document have."""
        site, opts = self.admin.site, self.admin.opts
        shown = site.each_context(self.request) | {"opts": opts, "title": title}
        shown |= {"list_url": self.url_of("changelist")} | context
        self.request.current_app = site.name
        return TemplateResponse(self.request, self.template_name, shown)

    def about(self, document: Any) -> dict[str, Any]:
        """Return the context of pages about one document."""
        admin, request = self.admin, self.request
        offered = [
            (action, self.url_of(action.name, document))
            for action in admin.actions
            if admin.offers(request, action, document)
        ]
        looks = [(action.description, url) for action, url in offered if action.is_look]
        return {
            "original": admin.name_of(document),
            "change_url": self.url_of("change", document),
            "history_url": self.url_of("history", document) if admin.has_history else None,
            "links": [*admin.links(request, document), *looks],
            "actions": [(action, url) for action, url in offered if not action.is_look],
        }

    @property
    def is_resumed(self) -> bool:
        """Whether a form comes back from the log-in page: it is shown again, and not acted on."""
        return "_resumed" in self.request.POST

    def tell(self, text: str, level: int = messages.SUCCESS) -> None:
        """Have the next page show a sentence."""
        messages.add_message(self.request, level, text)


class ChangeView(DocumentView):
    """One document: its values, and a form if there is one and the operator may use it."""

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
        if self.is_resumed:
            return self._page(document, form, state=request.POST.get("_state"))
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
        before, after = map(self.admin.name_of, (document, self.admin.get_object(request, pk)))
        became = f" to “{after}”" if before != after else ""
        self.tell(f"The {self.admin.opts.verbose_name} “{before}” was changed{became}.")
        return HttpResponseRedirect(request.get_full_path())

    def _form(self, data: Any, **kwargs: Any) -> Any:
        form_class = self.admin.form_class
        may_change = form_class and self.admin.has_permission(self.request, "change")
        return form_class(data, **kwargs) if form_class and may_change else None

    def _conflict(self, document: Any, form: Any) -> HttpResponse:
        """Show the current values beside those that were to be saved, which stay in the form."""
        who = self.admin.saved_by(document)
        form.add_error(
            None,
            f"{who} saved while you had this page open. Here is what they "
            "saved, and what you typed, which is still in the form: save again to replace theirs.",
        )
        theirs = self.admin.initial(document)
        both = [
            (field.label, theirs[field.name], field.value())
            for field in form
            if field.name in theirs and theirs[field.name] != form.cleaned_data.get(field.name)
        ]
        return self._page(document, form, conflict=both)

    def _page(
        self, document: Any, form: Any, state: str | None = None, **context: Any
    ) -> HttpResponse:
        opts, about = self.admin.opts, self.about(document)
        return self.page(
            f"{'Change' if form else 'View'} {opts.verbose_name}",
            subtitle=about["original"],
            facts=self.admin.facts(document, form.fields if form else ()),
            form=form,
            state=state or self.admin.state(document),
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
        if self.is_resumed or not form.is_valid():
            return self._page(form)
        try:
            document = self.admin.create(request, form.cleaned_data)
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return self._page(form)
        self.tell(f"The {self.admin.opts.verbose_name} “{self.admin.name_of(document)}” was added.")
        return HttpResponseRedirect(self.url_of("change", document))

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
        happened = [self._leading_back(line) for line in self.admin.history(document)]
        about = self.about(document)
        return self.page("History", subtitle=about["original"], happened=happened, **about)

    def _leading_back(self, line: Happened) -> Happened:
        """Return the line; if its link leads to one of these pages, it remembers the list."""
        is_own = line.url.startswith(f"{self.admin.url_of('changelist')}/")
        return line._replace(url=self.with_way_back(line.url)) if is_own else line

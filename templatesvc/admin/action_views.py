"""The view behind the page that asks before an action."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from templatesvc.admin.actions import Action
from templatesvc.admin.forms import PlainForm
from templatesvc.admin.views import REFUSALS, DocumentView
from templatesvc.api.exceptions import Conflict, translated
from templatesvc.api.problems import message
from templatesvc.mongo import ids

# Names in a message, because a cookie carries it.
MAX_NAMED = 3


class ActionView(DocumentView):
    """An action on one document."""

    action: Action = None  # as_view gives it
    template_name = "admin/document/confirmation.html"

    def is_allowed(self) -> bool:
        return self.admin.allows(self.request, self.action)

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask; if the action does not apply to the document, say so on the document's page."""
        document = self.admin.get_object(request, pk)
        if not self.action.applies(document):
            self.tell(f"{self._named([document])}: {self._does_not_apply().detail}", messages.ERROR)
            return HttpResponseRedirect(self.url_of("change", document))
        return self._ask([document], self._form([document], None))

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        document = self.admin.get_object(request, pk)
        page = "changelist" if self.action.removes else "change"
        url = self.url_of(page, None if self.action.removes else document)
        return self.ask_or_do([document], HttpResponseRedirect(url))

    def ask_or_do(self, documents: list[Any], afterwards: HttpResponse) -> HttpResponseBase:
        """Do it if it was confirmed on the page that asks; otherwise ask."""
        is_sent = "post" in self.request.POST
        form = self._form(documents, self.request.POST if is_sent else None)
        if self.is_resumed or not form.is_valid():
            return self._ask(documents, form)
        if len(documents) == 1:
            return self._do_one(documents[0], form, afterwards)
        self._do_many(documents, form)
        return afterwards

    def _do_one(self, document: Any, form: PlainForm, afterwards: HttpResponse) -> HttpResponseBase:
        try:
            answer = self._do(document, form)
        except REFUSALS as refusal:
            form.add_refusal(translated(refusal))
            return self._ask([document], form)
        if isinstance(answer, HttpResponseBase):
            return answer
        done = self.action.done.format(name=self.admin.name_of(document))
        self.tell(answer if isinstance(answer, str) else done)
        return afterwards

    def _do_many(self, documents: list[Any], form: PlainForm) -> None:
        """Do it to each, and tell to how many, and once for each reason why others were refused."""
        done, refused = [], defaultdict(list)
        for document in documents:
            try:
                self._do(document, form)
                done.append(document)
            except REFUSALS as refusal:
                refused[message(translated(refusal))].append(document)
        if len(done) == 1:
            self.tell(self.action.done.format(name=self.admin.name_of(done[0])))
        elif done:
            names = self.admin.opts.verbose_name_plural
            self.tell(self.action.done_many.format(count=len(done), names=names))
        for why, those in refused.items():
            self.tell(f"{self._named(those)}: {why}", messages.ERROR)

    def _named(self, documents: list[Any]) -> str:
        names = [f"“{self.admin.name_of(document)}”" for document in documents[:MAX_NAMED]]
        more = len(documents) - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "")

    def _do(self, document: Any, form: PlainForm) -> HttpResponseBase | str | bool | None:
        if not self.action.applies(document):
            raise self._does_not_apply()
        answer = self.action.run(self.admin, self.request, document, form.cleaned_data)
        if answer is False:
            raise self._does_not_apply()
        return answer

    def _does_not_apply(self) -> Conflict:
        return Conflict(f"“{self.action.description}” is not possible in the current state.")

    def _form(self, documents: list[Any], data: Any) -> PlainForm:
        initial = self.action.initial(documents[0]) if len(documents) == 1 else {}
        form = self.action.form_class(data, initial=initial)
        if documents:
            form.named = self.admin.name_of(documents[0])
        return form

    def _ask(self, documents: list[Any], form: PlainForm) -> HttpResponse:
        one: dict[str, Any] = {}
        if len(documents) == 1:
            one = self.about(documents[0])
            one |= {"subtitle": one["original"]}
            one |= {"preview": list(self.action.preview(self.admin, documents[0]))}
        names = [(ids.encode(document.pk), self.admin.name_of(document)) for document in documents]
        return self.page(
            self.action.description,
            form=form,
            action=self.action,
            consequence=self.admin.opts.names.fill(self.action.consequence),
            documents=names,
            **one,
        )

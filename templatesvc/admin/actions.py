"""Actions on documents, from their pages or on those that are ticked in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from templatesvc.admin.forms import PlainForm

Run = Callable[[Any, HttpRequest, Any, dict[str, Any]], HttpResponseBase | str | bool | None]


@dataclass(frozen=True)
class Action:
    """An action with the page that asks before it.

    ``run`` gets the DocumentAdmin, the request, a document and the form's values. It may return a
    response, such as a file; or a sentence instead of ``done``; or False if somebody else did it
    since the document was read. It raises an APIException to refuse. It runs only if the action
    ``applies``.
    """

    run: Run
    description: str  # on the button
    consequence: str  # what the page says will happen, to ``{a}`` or ``{names}``
    done: str  # the message afterwards, about ``{name}``
    done_many: str = ""  # about ``{count}`` ``{names}``; an action without it is no bulk action
    permission: str = "change"  # view, add, change or delete; or one in full, with its app
    form_class: type[PlainForm] = PlainForm
    removes: bool = False  # afterwards the document has no page
    is_final: bool = False  # it can't be undone
    applies: Callable[[Any], bool] = lambda _: True
    # The initial values of the form.
    initial: Callable[[Any], dict[str, Any]] = lambda _: {}
    # Lines about the document on the page that asks, from the DocumentAdmin and the document.
    preview: Callable[[Any, Any], Iterable[str]] = lambda *_: ()

    @property
    def is_look(self) -> bool:
        """Whether it only shows something."""
        return self.permission == "view"

    @property
    def is_bulk(self) -> bool:
        return bool(self.done_many)

    @property
    def name(self) -> str:
        return self.run.__name__


def action(**declared: Any) -> Callable[[Run], Action]:
    """Return a decorator that makes a method of a DocumentAdmin an Action."""
    return lambda run: Action(run, **declared)

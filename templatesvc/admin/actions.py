"""What can be done to documents, from their page or to those ticked in the list."""

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
    """An act with the page that asks before it.

    ``run`` takes the declaration, the request, a document and what the form holds. It may return
    an answer of its own, such as a file; or what to say instead of ``done``; or False if somebody
    else has done it since the document was read. It raises an APIException to refuse. It runs only
    if the act ``applies``.
    """

    run: Run
    description: str  # what is on the button
    consequence: str  # what the page says will happen, to ``{a}`` or ``{names}``
    done: str  # what is said afterwards, of ``{name}``
    done_many: str = ""  # what is said of ``{count}`` ``{names}``; only with it, it is a bulk act
    permission: str = "change"  # view, add, change or delete; or one in full, with its app
    form_class: type[PlainForm] = PlainForm
    removes: bool = False  # the document has no page any more
    is_final: bool = False  # it can't be undone
    applies: Callable[[Any], bool] = lambda _: True
    # What the form begins with.
    initial: Callable[[Any], dict[str, Any]] = lambda _: {}
    # What there is to say of one document before: takes the declaration and the document.
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

"""What somebody typed and was refused, to be shown again with its errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Field, ListField, Serializer

from templatesvc.api import hidden
from templatesvc.api.notation import plain_json

# A page of another site may not fill in a form here for somebody to send.
OWN_SITE = ("same-origin", "none")


@dataclass
class RejectedInput:
    """The body of a refused request."""

    method: str
    raw: str | None  # None if it came from the fields of a form
    serializer: Serializer | None  # None if nothing could be read from it
    account: str = ""  # who saw the page in which it was typed, as ``hidden.ACCOUNT``

    @classmethod
    def of(cls, request: Request, response: Response, view: Any) -> Self | None:
        """Return the body of a refused request, if a form can show it."""
        if not response.exception or request.method in SAFE_METHODS or not _is_own(request):
            return None
        # The errors of a serializer carry it.
        serializer = getattr(response.data, "serializer", None)
        try:
            body = request.data
        except (APIException, SuspiciousOperation, OSError) as error:
            return cls._unparsed(request, getattr(error, "unparsed", None), view)
        if unparsed := getattr(response, "unparsed", None):
            return cls._unparsed(request, unparsed, view)
        if not body or isinstance(body, bytes) or not hasattr(view, "get_serializer"):
            return None
        if serializer is None and isinstance(body, dict):
            serializer = _refused(view, body, response.data.get("errors", ()))
        raw = None if isinstance(body, QueryDict) else _as_json(_without_secrets(body, view))
        return cls(request.method, raw, serializer, hidden.header(request, hidden.ACCOUNT) or "")

    @classmethod
    def _unparsed(cls, request: Request, body: bytes | None, view: Any) -> Self | None:
        if not body or _secrets(view):
            return None
        account = request.headers.get(hidden.ACCOUNT, "")
        return cls(request.method, body.decode(errors="replace"), None, account)


def _is_own(request: Request) -> bool:
    """Tell whether a request comes from a page of this site."""
    # Over plain HTTP browsers send no more than the Origin.
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    is_ours = origin is None or urlsplit(origin).netloc == request.get_host()
    return site in OWN_SITE and is_ours


def _secrets(view: Any) -> set[str]:
    """Return the names of the fields that are never shown again."""
    if not hasattr(view, "get_serializer"):
        return set()
    fields = getattr(view.get_serializer(), "fields", {}).items()
    return {n for n, field in fields if field.write_only or "input_type" in field.style}


def _without_secrets(body: Any, view: Any) -> Any:
    if not isinstance(body, dict):
        return body
    return {name: "" if name in _secrets(view) else value for name, value in body.items()}


def _refused(view: Any, body: Any, errors: Any) -> Serializer:
    """Return a serializer of the body, with the errors of the answer at their fields."""
    serializer: Serializer = view.get_serializer(data=body)
    for name in [name for name, field in serializer.fields.items() if field.read_only]:
        del serializer.fields[name]  # a refused document has no id, for example
    serializer.is_valid()
    for error in errors:
        name = error["field"].partition(".")[0]
        serializer._errors.setdefault(name, []).append(error["message"])
    return serializer


def _as_json(value: Any) -> str:
    """Return a refused value as JSON that can be sent again."""
    try:
        return plain_json(value, indented=True).decode()
    except TypeError:  # half a surrogate pair, an integer of more than 64 bits, or too deep
        # Not indented: deep values would be mostly blanks.
        return json.dumps(value)


def fits_a_box(field: Field, value: Any) -> bool:
    """Tell whether a form can show a value so that it comes back the same."""
    if isinstance(field, ListField):
        entries = value if isinstance(value, list) else []
        return all(_is_line(entry) for entry in entries)
    is_one_line = field.style.get("base_template") != "textarea.html"
    if is_one_line and isinstance(value, str) and {"\r", "\n"} & set(value):
        return False  # a browser would drop the line breaks
    return isinstance(field, Serializer) or not isinstance(value, dict | list)


def _is_line(entry: Any) -> bool:
    is_simple = not isinstance(entry, dict | list)
    return is_simple and str(entry).strip() != "" and not {"\r", "\n"} & set(str(entry))

"""Writing answers: JSON, fast, and pages for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.template import loader
from rest_framework import renderers, status
from rest_framework.exceptions import APIException
from rest_framework.serializers import Field, ListField, Serializer
from rest_framework.utils.serializer_helpers import ReturnDict

from templatesvc.api import excerpts
from templatesvc.api.exceptions import MAX_ERROR_SIZE, MAX_TYPED_SIZE
from templatesvc.api.notation import plain_json

if TYPE_CHECKING:  # rest_framework.views imports this module
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer
    from rest_framework.views import APIView


MOST_INDENTED = 4  # times the bytes: what is deeply nested is nearly all blanks
# A document that is there already, or that somebody else changed or deleted in the meantime.
REFUSED = (
    status.HTTP_404_NOT_FOUND,
    status.HTTP_409_CONFLICT,
    status.HTTP_412_PRECONDITION_FAILED,
)


class JSONRenderer(renderers.JSONRenderer):
    """JSON in UTF-8, as ``templatesvc.api.notation`` writes it."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: dict[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        indented = self.get_indent(accepted_media_type or "", renderer_context or {})
        return plain_json(data, bool(indented))


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """DRF's pages, which say in words what is wrong and keep what was typed."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: dict[str, Any] | None = None,
    ) -> str:
        """Return the page, and take from the answer what is the JSON's."""
        assert renderer_context is not None
        page = self._page(data, accepted_media_type, renderer_context)
        response = renderer_context["response"]
        # The page shows the ETag, and may not have it: a browser asks the server by the tag alone
        # whether what it has kept still stands, and would take the page for the JSON.
        del response["ETag"]
        response["Cache-Control"] = "no-store"
        return page

    def _page(
        self, data: Any, accepted_media_type: str | None, renderer_context: dict[str, Any]
    ) -> str:
        """Return the page; an error whose page is too large gets the page that all errors have."""
        request, response = renderer_context["request"], renderer_context["response"]
        is_error = response.status_code >= status.HTTP_400_BAD_REQUEST
        is_typed = request.user.is_authenticated and _size(request) <= MAX_TYPED_SIZE
        if not is_error or is_typed or _size(request) <= MAX_ERROR_SIZE:
            page = well_formed(super().render(data, accepted_media_type, renderer_context))
            if not is_error or is_typed or len(page.encode()) <= MAX_ERROR_SIZE:
                return page
        page = loader.render_to_string("problem.html", {"problem": data, "is_typed_gone": True})
        return well_formed(page)

    def get_context(
        self, data: Any, accepted_media_type: str, renderer_context: dict[str, Any]
    ) -> dict[str, Any]:
        data = self._with_what_was_typed(data, renderer_context)
        context = super().get_context(data, accepted_media_type, renderer_context)
        # DRF shows the form in a dialog; here it stands above the list. OPTIONS shows nothing.
        changes = {"filter_form": None, "search": context["filter_form"], "options_form": None}
        return context | changes | {"data": data}

    def _with_what_was_typed(self, data: Any, context: dict[str, Any]) -> Any:
        """Return an error that no field is to blame for with the serializer of what was refused."""
        request, view = context["request"], context["view"]
        if context["response"].status_code not in REFUSED or not hasattr(view, "get_serializer"):
            return data
        try:
            typed = request.data
        except APIException:  # of a request that was refused before anybody read its body
            return data
        if not (typed and isinstance(typed, dict)):
            return data
        serializer = view.get_serializer(data=typed)
        for name in [name for name, field in serializer.fields.items() if field.read_only]:
            del serializer.fields[name]  # what was refused has no id, for one
        return ReturnDict(data, serializer=serializer)

    def get_content(
        self,
        renderer: renderers.BaseRenderer,
        data: Any,
        accepted_media_type: str,
        renderer_context: dict[str, Any],
    ) -> str:
        shown = excerpts.of_list(data)
        content: str = super().get_content(renderer, shown, accepted_media_type, renderer_context)
        return content

    def get_filter_form(self, data: Any, view: APIView, request: Request) -> str | None:
        """Return the form also above the error of what was typed into it."""
        is_list = getattr(view, "action", None) == "list"
        form: str | None = super().get_filter_form([] if is_list else data, view, request)
        return form

    def render_form_for_serializer(self, serializer: BaseSerializer) -> str | None:
        """Return None if a text box can't hold a value: an object would come back as a text."""
        if hasattr(serializer, "initial_data"):
            serializer.is_valid()
        fields = getattr(serializer, "fields", {}).items()
        writable = [(name, field) for name, field in fields if not field.read_only]
        if any(not _fits_a_box(field, serializer.data.get(name)) for name, field in writable):
            return None
        return super().render_form_for_serializer(serializer)

    def get_raw_data_form(self, data: Any, view: APIView, method: str, request: Request) -> Any:
        form = super().get_raw_data_form(data, view, method, request)
        refused = getattr(getattr(data, "serializer", None), "initial_data", None)
        if form and refused and request.method == method and not isinstance(refused, QueryDict):
            form.initial["_content"] = _typed(refused)
        return form


def _fits_a_box(field: Field, value: Any) -> bool:
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


def _size(request: Request) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def well_formed(page: str) -> str:
    """Return a page without halves of surrogate pairs, which JSON can name and UTF-8 can't."""
    return page.encode(errors="replace").decode()


def _typed(value: Any) -> str:
    """Return a refused value as JSON that can be sent again, indented unless that is most of it."""
    try:
        short, indented = plain_json(value), plain_json(value, indented=True)
        return (indented if len(indented) < MOST_INDENTED * len(short) else short).decode()
    except TypeError:  # half a surrogate pair, or an integer of more than 64 bits
        return json.dumps(value, indent=2)


class PageRenderer(renderers.TemplateHTMLRenderer):
    """A page of our own, for people; its errors have the page that all errors have."""

    exception_template_names = ["problem.html"]

    def get_template_context(self, data: Any, renderer_context: dict[str, Any]) -> dict[str, Any]:
        return {"problem": data} if renderer_context["response"].exception else data

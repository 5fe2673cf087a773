"""DRF's browsable API: pages that say in words what happened, and keep what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from django.contrib.auth import get_user
from django.template import loader
from django.urls import get_script_prefix, resolve, reverse
from rest_framework import renderers, status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.utils.serializer_helpers import ReturnDict

from templatesvc.api import excerpts
from templatesvc.api.exceptions import MAX_ERROR_SIZE, MAX_REJECTED_SIZE, AnotherAccount
from templatesvc.api.links import url_of
from templatesvc.api.notation import LONGEST_INDENTED
from templatesvc.api.problem_types import problem_types
from templatesvc.api.rejected_input import RejectedInput, fits_a_box

if TYPE_CHECKING:  # rest_framework.views imports this module, as the settings name it
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer
    from rest_framework.views import APIView

# Statuses whose pages have no forms: nothing can be sent, or nobody may send it. (What was typed
# and refused is shown all the same.)
WITHOUT_FORMS = (
    status.HTTP_204_NO_CONTENT,
    status.HTTP_401_UNAUTHORIZED,
    status.HTTP_403_FORBIDDEN,
    status.HTTP_404_NOT_FOUND,
)


class Choice(NamedTuple):
    """A parameter of the URL, whose values a page offers in words."""

    name: str
    label: str
    values: dict[str, str]


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """DRF's pages. A view may have attributes for them:

    ``button`` is the text on the button of its form, ``page_links`` are titles and names of routes,
    ``choices`` stand beside the box for a file, ``deletion_template`` asks before something is
    deleted, and ``deletion_button`` is the text on its buttons. ``Response.notice`` stands in place
    of a body after a success.
    """

    rejected: RejectedInput | None = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: dict[str, Any] | None = None,
    ) -> str:
        """Return the page, and remove the headers that are meant for the JSON."""
        assert renderer_context is not None
        page = self._page(data, accepted_media_type, renderer_context)
        response = renderer_context["response"]
        # The page shows the ETag but must not have it as a header: a browser that asks by the tag
        # whether its copy is fresh would take the page for the JSON.
        del response["ETag"]
        response["Cache-Control"] = "no-store"
        return page

    def _page(
        self, data: Any, accepted_media_type: str | None, renderer_context: dict[str, Any]
    ) -> str:
        """Return the page; an error whose page would be too large gets the common error page."""
        request, response = renderer_context["request"], renderer_context["response"]
        is_error = response.status_code >= status.HTTP_400_BAD_REQUEST
        is_theirs = is_error and (
            request.user.is_authenticated or _caller(request).is_authenticated
        )
        is_input_shown = is_theirs and _size(request) <= MAX_REJECTED_SIZE
        if not is_error or is_input_shown or _size(request) <= MAX_ERROR_SIZE:
            page = well_formed(super().render(data, accepted_media_type, renderer_context))
            if not is_error or is_input_shown or len(page.encode()) <= MAX_ERROR_SIZE:
                return page
        page = loader.render_to_string("problem.html", {"problem": data, "is_input_gone": True})
        return well_formed(page)

    def get_context(
        self, data: Any, accepted_media_type: str, renderer_context: dict[str, Any]
    ) -> dict[str, Any]:
        request, response = renderer_context["request"], renderer_context["response"]
        view = renderer_context["view"]
        self.rejected = RejectedInput.of(request, response, view)
        if self.rejected and self.rejected.serializer:
            data = ReturnDict(data, serializer=self.rejected.serializer)
        elif response.status_code == status.HTTP_201_CREATED:
            data = dict(data)  # without its serializer, so that the form is empty for the next
        context = super().get_context(data, accepted_media_type, renderer_context)
        is_shown = bool(self.rejected) or response.status_code not in WITHOUT_FORMS
        # After a POST on a document, such as a restoration, offer no form to repeat it.
        is_done = request.method == "POST" and status.is_success(response.status_code)
        if is_done and getattr(view, "detail", False):
            is_shown = False
        caller = _caller(request)
        is_405 = response.status_code == status.HTTP_405_METHOD_NOT_ALLOWED
        return context | {
            "data": data,
            "user": caller,
            "account": self._account(data, caller),
            # Filters stand above the list, not in DRF's dialog, and there is no form for OPTIONS.
            "filter_form": None,
            "extra_actions": {
                title: url
                for title, url in (context["extra_actions"] or {}).items()
                if url != request.build_absolute_uri(request.path)
            },
            "search": context["filter_form"],
            "faults": _faults_of_filters(data, view) if context["filter_form"] else [],
            "options_form": None,
            "display_edit_forms": is_shown,
            "deletion_button": getattr(view, "deletion_button", ""),
            "deletion_template": getattr(view, "deletion_template", "rest_framework/deletion.html"),
            # Opening a page that only takes a POST is no mistake.
            "is_neutral": is_405 and request.method in SAFE_METHODS,
            "is_kept": bool(self.rejected),
            "is_raw": self.rejected is not None and self.rejected.raw is not None,
            "is_bare": not hasattr(view, "get_serializer"),
            "remedy": _remedy(data),
            "page_links": [
                (title, url_of(route, request)) for title, route in getattr(view, "page_links", ())
            ],
        }

    def _account(self, data: Any, caller: Any) -> str:
        """Return whose the forms are, as ``hidden.ACCOUNT``.

        It is the person who typed what they hold. Once the page has said that somebody else is now
        logged in, it is that person.
        """
        is_told = isinstance(data, dict) and data.get("code") == AnotherAccount.default_code
        if self.rejected and self.rejected.account and not is_told:
            return self.rejected.account
        return quote(caller.get_username(), safe="") if caller.is_authenticated else ""

    def get_content(
        self,
        renderer: renderers.BaseRenderer,
        data: Any,
        accepted_media_type: str,
        renderer_context: dict[str, Any],
    ) -> str:
        shown = excerpts.of_list(data)
        content: str = super().get_content(renderer, shown, accepted_media_type, renderer_context)
        return excerpts.of_page(content)

    def get_breadcrumbs(self, request: Request) -> list[tuple[str, str]]:
        """Return the breadcrumbs, without routes that have no pages."""
        start, crumbs = reverse("api-root"), super().get_breadcrumbs(request)
        return [
            (name, url)
            for name, url in crumbs
            if url.startswith(start) and type(self) in resolve(_own(url)).func.cls.renderer_classes
        ]

    def get_filter_form(self, data: Any, view: APIView, request: Request) -> str | None:
        """Return the filter form, above errors of its own as well."""
        is_list = getattr(view, "action", None) == "list"
        form: str | None = super().get_filter_form([] if is_list else data, view, request)
        return form

    # --- Forms -------------------------------------------------------------------------------

    def show_form_for_method(self, view: Any, method: str, request: Request, obj: Any) -> bool:
        """Tell whether there is a form; what was typed has one even if nobody is logged in."""
        if self.rejected and method == self.rejected.method:
            return method in view.allowed_methods
        response = (self.renderer_context or {})["response"]
        if response.status_code in WITHOUT_FORMS:
            return False
        return bool(super().show_form_for_method(view, method, request, obj))

    def render_form_for_serializer(self, serializer: BaseSerializer) -> str | None:
        """Return None if a text box can't hold a value: an object would come back as a text."""
        if hasattr(serializer, "initial_data"):
            serializer.is_valid()
        fields = getattr(serializer, "fields", {}).items()
        writable = [(name, field) for name, field in fields if not field.read_only]
        if any(not fits_a_box(field, serializer.data.get(name)) for name, field in writable):
            return None
        return super().render_form_for_serializer(serializer)

    def get_raw_data_form(self, data: Any, view: APIView, method: str, request: Request) -> Any:
        form = super().get_raw_data_form(data, view, method, request)
        if not form:
            return form
        box = form.fields["_content"]
        content = box.widget.attrs
        content |= {"class": "form-control", "spellcheck": "false"}
        form.fields["_content_type"].widget.attrs["class"] = "form-control"
        if len(box.initial or "") > LONGEST_INDENTED:
            box.initial = ""
            form.refusal = "It is too long to be changed in a page: have a program change it."
        form.takes_file = getattr(view.parser_classes[0], "takes_file", False)
        if self.rejected and self.rejected.raw is not None and self.rejected.method == method:
            form.initial["_content"] = self.rejected.raw
            if data["status"] == status.HTTP_400_BAD_REQUEST:
                form.refusal = data["detail"]
                content |= {"aria-invalid": "true", "aria-describedby": "about__content"}
        return form


def _own(url: str) -> str:
    """Return a path as the URL map has it."""
    return f"/{unquote(url).removeprefix(get_script_prefix())}"


def _caller(request: Request) -> Any:
    """Return who is logged in now: a request may have logged its caller out.

    A browser's session tells it even for views that don't authenticate, or have not yet.
    """
    is_known = request.user.is_authenticated and request.method in SAFE_METHODS
    return request.user if is_known or request.auth else get_user(request._request)


def _faults_of_filters(data: Any, view: APIView) -> list[tuple[str, str]]:
    """Return the faults of the form above a list, each with the label of its field.

    People know a field by its label, not by its parameter. If a fault belongs to no field of the
    form, none is returned, and the page shows all of them as it shows any error.
    """
    faults = data.get("errors", []) if isinstance(data, dict) else []
    backends = [each() for each in getattr(view, "filter_backends", ()) if hasattr(each, "labels")]
    labels = {name: label for each in backends for name, label in each.labels(view).items()}
    if not all(fault["field"] in labels for fault in faults):
        return []
    return [(labels[fault["field"]], fault["message"]) for fault in faults]


def _remedy(data: Any) -> str:
    """Return what to do about an error, in a sentence."""
    code = data.get("code") if isinstance(data, dict) else None
    known = problem_types().get(code) if isinstance(code, str) else None
    return known.first_step_html if known else ""


def _size(request: Request) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def well_formed(page: str) -> str:
    """Return a page without halves of surrogate pairs, which JSON can hold and UTF-8 can't."""
    return page.encode(errors="replace").decode()

"""Writing answers: JSON, fast, and pages of our own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user
from django.utils.functional import SimpleLazyObject
from rest_framework import renderers, status

from templatesvc.api.notation import plain_json


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


class PageRenderer(renderers.TemplateHTMLRenderer):
    """A page of our own, for people; its errors have the page that all errors have."""

    exception_template_names = ["problem.html"]

    def get_template_context(self, data: Any, renderer_context: dict[str, Any]) -> dict[str, Any]:
        request, response = renderer_context["request"]._request, renderer_context["response"]
        context = {"problem": data} if response.exception else data
        if response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
            return context  # without the user: the store may be away
        # The views authenticate nobody, but a page has notices for people who are logged in.
        return context | {"user": SimpleLazyObject(lambda: get_user(request))}

"""Headers that a page's form sends as hidden fields, because a form can't send headers."""

from __future__ import annotations

from rest_framework.request import Request, is_form_media_type

# Who saw the page, percent-encoded: somebody else may have logged in since, in another tab.
ACCOUNT = "X-Account"
# The fields that every form has beside those of its serializer.
FIELDS = frozenset({"csrfmiddlewaretoken", "If-Match", "If-None-Match", ACCOUNT})


def header(request: Request, name: str) -> str | None:
    """Return a header of a request, or the form field that stands for it.

    Raises whatever parsing the form raises.
    """
    value = request.headers.get(name)
    is_form = value is None and is_form_media_type(request.content_type)
    return request.POST.get(name) if is_form else value

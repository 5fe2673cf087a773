"""Headers that a page's form sends as hidden fields of their names: a form can't send headers."""

from __future__ import annotations

from rest_framework.request import Request, is_form_media_type

# To whom the page was shown, percent-encoded: another may have logged in since, in another tab.
ACCOUNT = "X-Account"
# What every form brings along beside the fields of its serializer.
FIELDS = frozenset({"csrfmiddlewaretoken", "If-Match", "If-None-Match", ACCOUNT})


def header(request: Request, name: str) -> str | None:
    """Return a header of a request, or the field of a form that stands for it.

    Raises what parsing the form does.
    """
    value = request.headers.get(name)
    is_form = value is None and is_form_media_type(request.content_type)
    return request.POST.get(name) if is_form else value

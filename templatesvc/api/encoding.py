"""Every request is read as UTF-8: no client chooses the codec that this service decodes with.

Some of Python's codecs take quadratic time, and some return no text. Django would use the one that
the Content-Type names, for the body and for the query of the URL.
"""

from __future__ import annotations

import codecs
import encodings
import re
from collections.abc import Callable
from encodings.aliases import aliases
from pkgutil import iter_modules
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.handlers import wsgi
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import UnsupportedMediaType

from templatesvc.api import problems
from templatesvc.api.parsers import MAX_PARAMETERS, has_too_many_escapes

UTF8 = ("utf-8", "utf8")
# A parameter with a charset of its own, or in pieces (RFC 2231): title*=utf-8''a%20b.
EXTENDED = re.compile(r"\*[0-9]*\*?\s*=")
KNOWN_CODECS = frozenset([*aliases, *(module.name for module in iter_modules(encodings.__path__))])


class WSGIRequest(wsgi.WSGIRequest):
    """A request that is decoded as UTF-8, whatever charset its headers name."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        sent = meta.get("CONTENT_TYPE", "")
        if EXTENDED.search(sent) or sent.count(";") > MAX_PARAMETERS:
            meta["CONTENT_TYPE"] = sent.partition(";")[0]
        if EXTENDED.search(meta.get("HTTP_ACCEPT", "")):
            ranges = meta["HTTP_ACCEPT"].split(",")
            meta["HTTP_ACCEPT"] = ",".join(each for each in ranges if not EXTENDED.search(each))
        # Django's would make the charset the encoding of the request.
        self.content_type, self.content_params = parse_header_parameters(
            meta.get("CONTENT_TYPE", "")
        )

    def _load_post_and_files(self) -> None:
        """Read a form for Django; raises RequestDataTooBig (413) if it has too many escapes."""
        is_read_by_others = self._read_started and not hasattr(self, "_body")
        is_form = self.content_type == "application/x-www-form-urlencoded"
        if is_form and not is_read_by_others and has_too_many_escapes(self.body):
            raise RequestDataTooBig()
        super()._load_post_and_files()


class WSGIHandler(wsgi.WSGIHandler):
    request_class = WSGIRequest


class EncodingMiddleware:
    """Refuses bodies that say they are in another charset, or compressed: 415."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        """Answer in the format of the route, which is known by now."""
        if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
            return None
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in UTF8:
            return refused(request, f"Send the body in UTF-8, not in {charset}.")
        coding = request.headers.get("Content-Encoding") or "identity"
        if coding.lower() != "identity":
            response = refused(request, f"Send the body uncompressed, not in {coding}.")
            response["Accept-Encoding"] = "identity"  # RFC 9110, section 15.5.16
            return response
        return None


def refused(request: HttpRequest, detail: str) -> HttpResponseBase:
    """Return the answer to a body that can't be read: 415."""
    return problems.answer(request, UnsupportedMediaType("", detail))


def forget_unknown_codecs() -> None:
    """Stop Python from remembering every name of a codec that it is asked for.

    It remembers unknown names as well, for good, and a client can send one in each part of a form.
    """
    codecs.unregister(encodings.search_function)
    codecs.unregister(known_codec)  # a first call has nothing to unregister
    codecs.register(known_codec)


def known_codec(name: str) -> codecs.CodecInfo | None:
    """Return the codec of a name, but not of its endless variations such as ``utf---8``."""
    is_known = name.replace("-", "_") in KNOWN_CODECS
    return encodings.search_function(name) if is_known else None

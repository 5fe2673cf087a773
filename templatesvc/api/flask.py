"""What the routes of the Flask service share: JSON in, JSON out, and errors as ``{"msg": …}``."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    NotAuthenticated,
    UnsupportedMediaType,
)
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api import deprecation, problems
from templatesvc.api.parsers import JSONParser
from templatesvc.api.renderers import JSONRenderer

# As Flask has it: application/vnd.api+json is JSON too.
JSON_TYPE = re.compile(r"application/(.+\+)?json")


class OnlyJSON(BaseContentNegotiation):
    """Answers JSON whatever the client says that it accepts, as the Flask service did."""

    def select_parser(self, request: Request, parsers: list[BaseParser]) -> BaseParser:
        """Return the parser of JSON; raises UnsupportedMediaType (415)."""
        media_type = request.content_type.partition(";")[0].strip().lower()
        if not JSON_TYPE.fullmatch(media_type):
            came = f"came as {media_type}" if media_type else "came without a Content-Type"
            raise UnsupportedMediaType(
                media_type, f"The body {came}. Send JSON with Content-Type: application/json."
            )
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class FlaskView(APIView):
    """A route of the Flask service."""

    is_deprecated = True  # because the REST routes do the same; not where there is no other

    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Flask tells a wrong method before a missing token.
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method)
        super().initial(request, *args, **kwargs)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        if self.is_deprecated:
            deprecation.announce(response)
            deprecation.count(request.resolver_match.url_name)
        return super().finalize_response(request, response, *args, **kwargs)

    @staticmethod
    def error_body(exc: APIException) -> dict[str, str]:
        """Return the body of an error answer."""
        if isinstance(exc, NotAuthenticated):
            return {"msg": "Missing Authorization Header"}
        return {"msg": problems.message(exc)}


def msg(text: str, status: int = 200) -> Response:
    """Return the Flask service's answer of a single sentence."""
    return Response({"msg": text}, status=status)

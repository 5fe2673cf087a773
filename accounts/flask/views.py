"""The Flask service's greeting, registration and log-in, and what all its routes share.

JSON in, JSON out, and errors as ``{"msg": …}``.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, MethodNotAllowed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import entry_views
from accounts.documents import User
from accounts.exceptions import SessionEnded, UsernameTaken
from accounts.flask import deprecation
from accounts.flask.schema import FlaskSchema, MessageSerializer
from accounts.limits import TooManyAttempts
from templatesvc.api import problems
from templatesvc.api.negotiation import OnlyJSON
from templatesvc.api.parsers import JSONParser
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.schema import raises
from templatesvc.api.views import OpenView

OTHER_SCHEME = (
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)
# What it says where the REST routes say something else.
FLASK_MESSAGES = {
    NotAuthenticated.default_detail: "Missing Authorization Header",
    SessionEnded.default_detail: "Access Token Expired",
}


class FlaskView(APIView):
    """A route of the Flask service."""

    is_deprecated = True  # unless no REST route does the same

    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = OnlyJSON
    schema = FlaskSchema()

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

    def permission_denied(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not request.successful_authenticator and "Authorization" in request.headers:
            raise NotAuthenticated(OTHER_SCHEME)
        super().permission_denied(request, *args, **kwargs)

    @staticmethod
    def error_body(exc: APIException) -> dict[str, str]:
        """Return the body of an error answer."""
        said = problems.message(exc)
        return {"msg": FLASK_MESSAGES.get(said, said)}


def msg(text: str, status: int = 200) -> Response:
    """Return the Flask service's answer of a single sentence."""
    return Response({"msg": text}, status=status)


class HelloView(OpenView, FlaskView):
    """The Flask service's greeting."""

    @extend_schema(operation_id="hello", responses={(200, "text/html"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Greet, as the Flask service did."""
        return HttpResponse("Hello, World!")


class RegisterView(FlaskView, entry_views.RegisterView):
    is_deprecated = False

    @raises(UsernameTaken, TooManyAttempts)
    @extend_schema(operation_id="register", responses={201: MessageSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        """Register a user."""
        return super().post(request)

    def registered(self, user: User) -> Response:
        return msg("User created successfully", status.HTTP_201_CREATED)


class LoginView(FlaskView, entry_views.LoginView):
    is_deprecated = False

"""What the OpenAPI schema says of authentication."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension


class JWTScheme(SimpleJWTScheme):
    """A bearer token, as ``/api/v1/login`` answers it."""

    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"


class CookieScheme(OpenApiAuthenticationExtension):
    """The cookie of a browser session, which the schema leaves out.

    It is for pages, and needs a CSRF token as well. Besides, a Ruby client that openapi-generator
    makes for a cookie does not run at all.
    """

    target_class = "accounts.authentication.SessionAuthentication"
    match_subclasses = True
    name: list[str] = []

    def get_security_requirement(self, auto_schema: Any) -> None:
        return None

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []

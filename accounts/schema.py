"""What the OpenAPI schema says of authentication."""

from __future__ import annotations

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme


class JWTScheme(SimpleJWTScheme):
    """A bearer token, as ``/api/v1/login`` answers it."""

    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"


class CookieScheme(SessionScheme):
    """The cookie of a browser session."""

    target_class = "accounts.authentication.SessionAuthentication"

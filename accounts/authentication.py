"""Who sends a request, by its bearer token (RFC 6750) or a browser's session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from django.contrib.auth.models import AnonymousUser
from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.authentication import BaseAuthentication
from rest_framework.authentication import SessionAuthentication as DRFSessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request, is_form_media_type
from rest_framework_simplejwt import authentication
from rest_framework_simplejwt.exceptions import ExpiredTokenError, InvalidToken, TokenError

from accounts.clients import Client
from accounts.documents import User
from accounts.exceptions import SessionEnded
from accounts.sessions import session_id
from accounts.tokens import AccessToken, access_tokens, signed_token
from templatesvc.api import hidden
from templatesvc.api.credentials import bearer_token
from templatesvc.api.exceptions import AnotherAccount, CSRFFailed


class PublicMixin:
    """A view for everybody, whose 401 still has the challenge that RFC 9110 demands."""

    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes: list[type[BasePermission]] = []

    def get_authenticate_header(self, request: Request) -> str:
        return JWTAuthentication().authenticate_header(request)


def read_token(read: Callable[[str | bytes], Any], text: str | bytes) -> Any:
    """Read a token by a function of ``accounts.tokens``; raises InvalidToken (401)."""
    try:
        return read(text)
    except ExpiredTokenError as error:
        raise InvalidToken("Token has expired") from error
    except TokenError as error:
        raise InvalidToken(str(error)) from error


class JWTAuthentication(authentication.JWTAuthentication):
    """SimpleJWT's, which accepts a token only while its session and its user stand.

    One round trip finds the user with the session, ``user.session``.
    """

    raises = (InvalidToken, SessionEnded)

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the token in the header; raises InvalidToken (401)."""
        try:
            token = bearer_token(header.decode(HTTP_HEADER_ENCODING))
        except ValueError as error:
            raise InvalidToken(str(error)) from error
        return None if token is None else token.encode(HTTP_HEADER_ENCODING)

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        authenticated = super().authenticate(request)
        session = authenticated[0].session if authenticated else None
        if session and session.is_stale:
            session.touch(Client.of(request))
        return authenticated

    def get_validated_token(self, raw_token: bytes) -> AccessToken:
        """Return the token; raises InvalidToken (401)."""
        return read_token(access_tokens(), raw_token)

    def get_user(self, validated_token: AccessToken) -> User:
        """Return the token's user; raises SessionEnded (401)."""
        user = validated_token.resolve()
        if user is None:
            raise SessionEnded()
        return user


class ErasureAuthentication(JWTAuthentication):
    """Also accepts users who are erasing themselves by this token, so that they can go on."""

    def get_user(self, validated_token: AccessToken) -> User:
        """Return the token's user, or their tombstone; raises SessionEnded (401)."""
        try:
            return super().get_user(validated_token)
        except SessionEnded:
            if tombstone := validated_token.resolve_erased():
                return tombstone
            raise


class SignatureAuthentication(JWTAuthentication):
    """Takes a well-signed token of either type, even if it has expired or its session has ended.

    It is for logging out, which succeeds for a session that has ended already.
    """

    raises = (InvalidToken,)

    def authenticate(self, request: Request) -> Any:
        return authentication.JWTAuthentication.authenticate(self, request)

    def get_validated_token(self, raw_token: bytes) -> Any:
        return read_token(signed_token, raw_token)

    def get_user(self, validated_token: AccessToken) -> Any:
        return AnonymousUser()


class SessionAuthentication(DRFSessionAuthentication):
    """DRF's, with an explanation for requests that may come from another site's page.

    It also refuses what was typed on a page that somebody else had opened.
    """

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        authenticated: tuple[User, None] | None = super().authenticate(request)
        if authenticated and request.method not in SAFE_METHODS:
            self.check_account(request, authenticated[0].get_username())
        return authenticated

    def check_account(self, request: Request, name: str) -> None:
        """Raise AnotherAccount (409) if the page was shown to a user of another name."""
        shown_to = unquote(hidden.header(request, hidden.ACCOUNT) or name)
        if shown_to != name:
            raise AnotherAccount.of(shown_to, name)

    def enforce_csrf(self, request: Request) -> None:
        # Only forms have the token in them. Django's request leaves other bodies alone. DRF's reads
        # them, and takes one that it can't parse for a failed authentication.
        carrier = request if is_form_media_type(request.content_type) else request._request
        try:
            super().enforce_csrf(carrier)
        except PermissionDenied as error:
            raise CSRFFailed(
                f"{error.detail} Reload the page and try again; "
                "a program sends a bearer token and no cookie."
            ) from error


class ErasureSessionAuthentication(SessionAuthentication):
    """Also accepts users who are erasing themselves in this browser, so that they can go on."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        if authenticated := super().authenticate(request):
            return authenticated
        key = request._request.session.session_key
        tombstone = User.erased_in(session_id(key)) if key else None
        if tombstone is None:
            return None
        self.enforce_csrf(request)
        return tombstone, None

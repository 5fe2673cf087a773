"""Who a request comes from, told by its bearer token (RFC 6750)."""

from __future__ import annotations

from rest_framework_simplejwt import authentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, TokenError

from accounts.documents import Session, User
from accounts.tokens import AccessToken


class JWTAuthentication(authentication.JWTAuthentication):
    """SimpleJWT's, where a token is good only while its session and its user stand."""

    def get_user(self, validated_token: AccessToken) -> User:
        """Return the token's user in one round trip; raises AuthenticationFailed (401)."""
        try:
            resolved = Session.resolve(validated_token.session_id)
        except TokenError as error:
            raise SessionEnded() from error
        if resolved is None or resolved[1].username != validated_token.payload.get("sub"):
            raise SessionEnded()
        return resolved[1]


class SessionEnded(AuthenticationFailed):
    """The token is well signed, and what it stands on is gone; in the Flask service's words."""

    default_detail = "Access Token Expired"
    default_code = "session_ended"

"""The JWTs: SimpleJWT's, naming the session that they stand on.

Claims as RFC 7519 has them: ``sub`` (the username, as in the Flask service's tokens), ``exp``,
``iat``, ``jti``; ``type`` is ``access``; ``sid`` is the session's id.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError

from accounts.documents import Session

SESSION_CLAIM = "sid"
SESSION_ID = re.compile(r"[0-9a-f]{32}")


class SessionToken(tokens.Token):
    """A token of a session."""

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        try:
            super().__init__(token, verify)
        except (ValueError, OverflowError, RecursionError, TypeError) as error:
            # A header of brackets only, an expiry beyond any calendar: PyJWT lets these through.
            raise TokenError("Token is invalid") from error

    @classmethod
    def for_session(cls, session: Session) -> Any:
        """Return a token that names the session and its user."""
        token = cls()
        token["sub"] = session.username
        token[SESSION_CLAIM] = session.id
        return token

    @property
    def session_id(self) -> str:
        """The id of the session; raises TokenError if there is none in the token."""
        session_id = self.payload.get(SESSION_CLAIM)
        if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
            raise TokenError("Token names no session")
        return session_id


class AccessToken(SessionToken, tokens.AccessToken):
    """Lets its bearer in while its session stands."""


class RefreshToken(SessionToken, tokens.RefreshToken):
    """Buys a new pair of tokens, once."""


def token_pair(session: Session) -> dict[str, Any]:
    """Return what a login answers: two tokens, and in how many seconds the first expires."""
    return {
        "access_token": str(AccessToken.for_session(session)),
        "refresh_token": str(RefreshToken.for_session(session)),
        "expires_in": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
    }

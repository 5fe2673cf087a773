"""SimpleJWT's tokens, which name the session that they stand on.

Their claims are ``iss``, ``aud``, ``sub`` (the username), ``exp``, ``iat`` and ``jti`` of RFC 7519,
``type``, which is ``access`` or ``refresh``, and ``sid``, the id of the session (OpenID Connect
Back-Channel Logout 1.0, section 2.1).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings

from accounts.documents import Session, User
from accounts.keys import KeyRing, key_ring

SESSION_ID = re.compile(r"[0-9a-f]{32}")


class SessionToken(tokens.Token):
    """A token that is valid while its session stands."""

    @property
    def token_backend(self) -> KeyRing:
        return key_ring()

    @classmethod
    def of(cls, session: Session) -> Any:
        """Return a token of this session, which never outlives it."""
        token = cls()
        assert cls.lifetime is not None
        remaining = session.expires_at - token.current_time
        token.set_exp(lifetime=min(cls.lifetime, max(remaining, timedelta())))
        token["sub"] = session.username
        token["sid"] = session.id
        return token

    def verify(self) -> None:
        super().verify()
        self.verify_session_id()

    def verify_session_id(self) -> None:
        """Raise TokenError if the token names no session; whether that exists is not checked."""
        if not isinstance(self.get("sid"), str) or not SESSION_ID.fullmatch(self["sid"]):
            raise TokenError("Token names no session")

    def resolve(self) -> User | None:
        """Return the user, with their ``session``; None if the session does not stand."""
        user = User.of_session(self["sid"])
        session = user and user.session
        return user if session and session.username == self["sub"] else None


class AccessToken(SessionToken, tokens.AccessToken):
    """Lets its bearer in."""

    def resolve_erased(self) -> User | None:
        """Return the tombstone of the user who is erasing themselves by this token."""
        return User.erased_in(self["sid"])

    def is_accepted_by(self, session: Session | None) -> bool:
        return True


class RefreshToken(SessionToken, tokens.RefreshToken):
    """Buys a new pair of tokens, once."""

    @classmethod
    def of(cls, session: Session) -> Any:
        token = super().of(session)
        token.set_exp(from_time=session.expires_at, lifetime=timedelta())
        token["jti"] = session.refresh_id
        return token

    def is_accepted_by(self, session: Session | None) -> bool:
        return session is not None and session.accepts(self["jti"])


def access_tokens() -> type[AccessToken]:
    """Return the class of access tokens, which ``AUTH_TOKEN_CLASSES`` of SIMPLE_JWT names."""
    (kind,) = api_settings.AUTH_TOKEN_CLASSES
    return kind


def token_pair(session: Session) -> dict[str, Any]:
    """Return the answer to a log-in: two tokens, and the seconds until the first expires."""
    access = access_tokens().of(session)
    return {
        "access_token": str(access),
        "refresh_token": str(RefreshToken.of(session)),
        "expires_in": access["exp"] - access["iat"],
    }


def signed_token(text: str | bytes) -> SessionToken:
    """Read a token of either type, even if it has expired; raises TokenError.

    It is for logging out: an expired token can still end its session (OpenID Connect RP-Initiated
    Logout 1.0, section 2).
    """
    token = access_tokens()(text, verify=False)
    token.verify_session_id()
    return token


def any_token(text: str | bytes) -> AccessToken | RefreshToken:
    """Read a token of either type; raises TokenError."""
    try:
        return access_tokens()(text)
    except TokenError:
        return RefreshToken(text)

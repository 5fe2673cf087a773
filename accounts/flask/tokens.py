"""Tokens that both services read while they run on the same users."""

from __future__ import annotations

import uuid
from typing import Any

import jwt
from django.conf import settings

from accounts.documents import Session, User
from accounts.keys import Key, KeyRing, key_ring
from accounts.tokens import AccessToken


class LenientKeyRing(KeyRing):
    """Also verifies access tokens without an audience (``aud``), which were made side by side.

    They are good until they expire, so that switching the setting off ends no session. RFC 8725,
    section 3.9, demands an audience if an issuer makes tokens for several parties, so that a token
    can't be used at another party. This service makes such tokens only for itself: they have our
    ``iss``, the ``kid`` of one of our keys, and a ``sid`` of a session in this very database.
    """

    def check(self, claims: dict[str, Any], key_id: Any) -> None:
        unnamed = {"aud": self.audience} if claims.get("type") == "access" else {}
        super().check(unnamed | claims, key_id)


class SharedKeyRing(LenientKeyRing):
    """Signs access tokens that the Flask service reads, and verifies its own."""

    def claims(self, payload: dict[str, Any]) -> dict[str, Any]:
        claims = super().claims(payload)
        # Flask-JWT-Extended before 4.0 refuses tokens with an audience; later versions look at it
        # only if JWT_DECODE_AUDIENCE is set.
        del claims["aud"]
        return claims

    def key(self, key_id: Any) -> Key:
        secrets = [key for key in self.keys if key.algorithm == "HS256"]
        return secrets[0] if key_id is None and secrets else super().key(key_id)

    def check(self, claims: dict[str, Any], key_id: Any) -> None:
        """Accept the Flask service's tokens, which have no issuer, session or key id."""
        if key_id is None:
            if "iss" in claims or "sid" in claims:
                raise jwt.InvalidTokenError("The token of a session names no key.")
            claims = claims | {"iss": self.issuer}
        super().check(claims, key_id)


class FlaskAccessToken(AccessToken):
    """A token for both services, or one that the Flask service made."""

    @property
    def token_backend(self) -> KeyRing:
        return key_ring(SharedKeyRing if settings.FLASK_SIDE_BY_SIDE else LenientKeyRing)

    @classmethod
    def of(cls, session: Session) -> Any:
        token = super().of(session)
        if settings.FLASK_SIDE_BY_SIDE:
            # Claims of Flask-JWT-Extended: the log-in is not recent, and a value against CSRF.
            token["fresh"], token["csrf"] = False, str(uuid.uuid4())
        return token

    @property
    def is_flasks(self) -> bool:
        """Whether the Flask service made it, so that it stands on no session."""
        return settings.FLASK_SIDE_BY_SIDE and "iss" not in self

    def verify_session_id(self) -> None:
        if not self.is_flasks:
            super().verify_session_id()

    def resolve(self) -> User | None:
        if not self.is_flasks:
            return super().resolve()
        user = User.named(self["sub"])
        if user is None or not user.is_active or not user.accepts_issue_of(self["iat"]):
            return None
        user.may_operate = False
        return user

    def resolve_erased(self) -> User | None:
        if not self.is_flasks:
            return super().resolve_erased()
        return User.tombstones().filter(username=self["sub"]).first()

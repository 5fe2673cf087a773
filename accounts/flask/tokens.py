"""Tokens that two services read, while both run on the same users."""

from __future__ import annotations

import uuid
from typing import Any

import jwt
from django.conf import settings

from accounts.documents import Session, User
from accounts.keys import Key, KeyRing, key_ring
from accounts.tokens import AccessToken


class LenientKeyRing(KeyRing):
    """Verifies access tokens that name no audience (``aud``) as well: made while side by side.

    They are good until they expire, so that switching the setting off ends no session. RFC 8725,
    section 3.9, wants an audience where an issuer makes tokens for more than one party, lest one be
    used at another. Ours, without, are made by this service for itself alone: they have our
    ``iss``, the ``kid`` of a key of ours, and a ``sid`` that stands for a session in this database
    and in no other.
    """

    def check(self, claims: dict[str, Any], key_id: Any) -> None:
        unnamed = {"aud": self.audience} if claims.get("type") == "access" else {}
        super().check(unnamed | claims, key_id)


class SharedKeyRing(LenientKeyRing):
    """Signs access tokens that the Flask service reads, and verifies its own."""

    def claims(self, payload: dict[str, Any]) -> dict[str, Any]:
        claims = super().claims(payload)
        # Flask-JWT-Extended before 4.0 refuses a token that names an audience nobody asked for;
        # from then on it looks at audiences only if JWT_DECODE_AUDIENCE is set.
        del claims["aud"]
        return claims

    def key(self, key_id: Any) -> Key:
        secrets = [key for key in self.keys if key.algorithm == "HS256"]
        return secrets[0] if key_id is None and secrets else super().key(key_id)

    def check(self, claims: dict[str, Any], key_id: Any) -> None:
        """Take a token of the Flask service's, which names neither issuer nor session nor key."""
        if key_id is None:
            if "iss" in claims or "sid" in claims:
                raise jwt.InvalidTokenError("The token of a session names no key.")
            claims = claims | {"iss": self.issuer}
        super().check(claims, key_id)


class FlaskAccessToken(AccessToken):
    """Lets its bearer in here and at the Flask service, or is one that this made."""

    @property
    def token_backend(self) -> KeyRing:
        return key_ring(SharedKeyRing if settings.FLASK_SIDE_BY_SIDE else LenientKeyRing)

    @classmethod
    def of(cls, session: Session) -> Any:
        token = super().of(session)
        if settings.FLASK_SIDE_BY_SIDE:
            # Flask-JWT-Extended's: no log-in just now, and what it would compare with a cookie's.
            token["fresh"], token["csrf"] = False, str(uuid.uuid4())
        return token

    @property
    def is_flasks(self) -> bool:
        """Whether the Flask service made it: it stands on no session."""
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

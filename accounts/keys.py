"""The keys that sign tokens and verify them.

The key decides the algorithm, never the token: a PEM private key of RSA means RS256, one of Ed25519
means EdDSA, and any other text is a secret for HS256. So no token can make us use a public key as a
secret (RFC 8725, section 2.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from functools import cached_property, lru_cache
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm
from jwt.utils import is_ssh_key
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from templatesvc.api.credentials import COMPACT
from templatesvc.keys import derived_key

PEM = "-----BEGIN "
JWK = re.compile(r'"kty"\s*:')
# Errors that PyJWT lets through, for example for a header of brackets, or a list as a time.
UNREADABLE = (TypeError, ValueError, OverflowError, RecursionError)
LAST_SECOND = 253_402_300_799  # of the year 9999
# RFC 7518, section 3.3.
SHORTEST_RSA = 2048
# Tokens whose claims are cached: verifying a signature takes a tenth of a request's time.
MAX_KEPT = 1024


class Key:
    """A key of a setting; raises ValueError with a sentence if it can't be used."""

    def __init__(self, text: str) -> None:
        self.signing: Any = text
        self.verifying: Any = text
        self.algorithm = "HS256"
        # Anywhere in the text: a public key below a comment is still no secret.
        if PEM in text:
            self._load_pem(text.strip().encode())
        elif is_ssh_key(text.strip().encode()) or JWK.search(text) or _is_bare_public_key(text):
            raise ValueError("It is not PEM, in which keys of RSA and Ed25519 are given.")

    def _load_pem(self, pem: bytes) -> None:
        try:
            if b"PUBLIC KEY-----" in pem:
                self.signing, self.verifying = None, serialization.load_pem_public_key(pem)
            else:
                self.signing = serialization.load_pem_private_key(pem, password=None)
                self.verifying = self.signing.public_key()
        except (TypeError, UnsupportedAlgorithm) as error:  # it is encrypted, or unheard of
            raise ValueError(str(error)) from error
        if isinstance(self.verifying, RSAPublicKey):
            self.algorithm = "RS256"
            if self.verifying.key_size < SHORTEST_RSA:
                raise ValueError(f"It has {self.verifying.key_size} bits, not {SHORTEST_RSA}.")
        elif isinstance(self.verifying, Ed25519PublicKey):
            self.algorithm = "EdDSA"
        else:
            raise ValueError("It is a key of neither RSA nor Ed25519.")

    @cached_property
    def jwk(self) -> dict[str, Any] | None:
        """The public key as RFC 7517 writes it; None for a secret, which has no public half."""
        if self.algorithm == "HS256":
            return None
        form = RSAAlgorithm if self.algorithm == "RS256" else OKPAlgorithm
        return form.to_jwk(self.verifying, as_dict=True)

    @cached_property
    def id(self) -> str:
        """Its name in ``kid``: the thumbprint of RFC 7638, or a digest of the secret."""
        if self.jwk is None:
            return derived_key(self.signing, "kid")[:16]
        members = {
            name: self.jwk[name] for name in ("crv", "e", "kty", "n", "x") if name in self.jwk
        }
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(canonical).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def public(self) -> dict[str, Any] | None:
        """Return the entry of a JWK set (RFC 7517, section 4)."""
        if self.jwk is None:
            return None
        used = {"kid": self.id, "use": "sig", "alg": self.algorithm, "key_ops": ["verify"]}
        return self.jwk | used


def _is_bare_public_key(text: str) -> bool:
    """Tell whether it is a PEM without its first and last line, as some servers show their keys."""
    try:
        serialization.load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


class KeyRing(TokenBackend):
    """SimpleJWT's backend with more than one key: the first signs, every one verifies."""

    def __init__(self, keys: tuple[str, ...], issuer: str, audience: str) -> None:
        self.keys = [Key(text) for text in keys]
        # Refused tokens raise and are not cached, so only log-ins can fill the cache.
        self._verified = lru_cache(MAX_KEPT)(self._verify)
        super().__init__(self.keys[0].algorithm, issuer=issuer, audience=audience)

    def encode(self, payload: dict[str, Any]) -> str:
        key, claims = self.keys[0], self.claims(payload)
        return jwt.encode(claims, key.signing, key.algorithm, headers={"kid": key.id})

    def claims(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Return the claims of a new token."""
        return payload | {"iss": self.issuer, "aud": self.audience}

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        """Return the claims of a token that one of our keys has signed.

        Raises TokenBackendExpiredToken, or TokenBackendError for any other fault. Without
        ``verify`` it may have expired, but its signature is always checked.
        """
        try:
            claims = self._verified(token if isinstance(token, str) else token.decode())
        except (jwt.InvalidTokenError, *UNREADABLE) as error:
            raise TokenBackendError("Token is invalid") from error
        if verify and claims["exp"] <= time.time():
            raise TokenBackendExpiredToken("Token is expired")
        return claims.copy()

    def _verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that one of our keys has signed, even if it has expired.

        All that is checked here stays true for the same text, so the result can be cached.
        """
        # PyJWT accepts padding too: then a token would have several texts.
        if not COMPACT.fullmatch(token):
            raise jwt.InvalidTokenError("The token is not in base64url.")
        key_id = jwt.get_unverified_header(token).get("kid")
        key = self.key(key_id)
        claims: dict[str, Any] = jwt.decode(
            token,
            key.verifying,
            algorithms=[key.algorithm],
            options={
                "require": ["exp", "iat", "jti", "sub"],
                "verify_aud": False,  # in ``check``, with the issuer
                "verify_exp": False,  # in ``decode``, each time
                # The clock of the machine that made the token may be a little ahead.
                "verify_iat": False,
            },
        )
        # PyJWT accepts texts of digits as times, which later code can't calculate with.
        if type(claims["iat"]) is not int or type(claims["exp"]) not in (int, float):
            raise jwt.InvalidTokenError("A time of the token is no number.")
        if not abs(claims["exp"]) <= LAST_SECOND:
            raise jwt.InvalidTokenError("The token expires beyond any calendar.")
        # Refuse NaN, Infinity and half a surrogate pair: nothing could store or compare them.
        json.dumps(claims, ensure_ascii=False, allow_nan=False).encode()
        self.check(claims, key_id)
        return claims

    def check(self, claims: dict[str, Any], key_id: Any) -> None:
        """Raise InvalidTokenError if a token, signed by the key of this id, is not for us."""
        if claims.get("iss") != self.issuer:
            raise jwt.InvalidIssuerError("The token is somebody else's.")
        if claims.get("aud") != self.audience:
            raise jwt.InvalidAudienceError("The token is for somebody else.")

    def key(self, key_id: Any) -> Key:
        """Return the key of an id; raises InvalidTokenError."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise jwt.InvalidTokenError("The token is signed with a key that is not ours.")

    def public(self) -> dict[str, Any]:
        """Return the JWK set by which others can verify our tokens (RFC 7517, section 5)."""
        return {"keys": [entry for key in self.keys if (entry := key.public())]}


@lru_cache(maxsize=8)
def _key_ring(kind: type[KeyRing], keys: tuple[str, ...], issuer: str, audience: str) -> KeyRing:
    return kind(keys, issuer, audience)


def key_ring(kind: type[KeyRing] = KeyRing) -> KeyRing:
    """Return a ring, of some kind, with the keys of the settings."""
    keys = (settings.JWT_SECRET_KEY, *settings.JWT_PREVIOUS_KEYS)
    return _key_ring(kind, keys, settings.JWT_ISSUER, settings.JWT_AUDIENCE)  # type: ignore[arg-type]

"""System checks on keys and hashes: what would weaken them without a word stops the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth import hashers
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from accounts.hashers import FlaskSHA256Hasher
from accounts.keys import PEM, Key
from templatesvc.keys import derived_key

# An HMAC key shorter than its hash is weaker than the hash (RFC 7518, section 3.2).
SHORTEST_SECRET = 32  # bytes
# Django has MD5 for tests; the other is the Flask service's.
WEAK_ALGORITHMS = ("md5", FlaskSHA256Hasher.algorithm)


@checks.register(checks.Tags.security)
def token_keys(**_: Any) -> Iterator[checks.CheckMessage]:
    """Every key can be read and is long enough, and the first one can sign."""
    texts = (settings.JWT_SECRET_KEY, *settings.JWT_PREVIOUS_KEYS)
    for place, text in enumerate(texts):
        name = "JWT_PREVIOUS_KEYS" if place else "JWT_SECRET_KEY"
        try:
            key = Key(text)
        except ValueError as error:
            yield _error(f"{name} holds a key that can't be read: {error}", "E001")
            continue
        if key.signing is None and place == 0:
            yield _error("JWT_SECRET_KEY is a public key, which can't sign.", "E002")
        if key.algorithm == "HS256" and len(text.encode()) < SHORTEST_SECRET:
            yield _error(f"{name} holds a secret of {len(text.encode())} bytes.", "E003")


@checks.register(checks.Tags.security)
def password_hasher(**_: Any) -> Iterator[checks.CheckMessage]:
    """New passwords are hashed by a class that is there, and that nobody would replace."""
    hint = "Unset PASSWORD_HASHER, or set it to one of Django's hashers."
    try:
        algorithm = hashers.get_hasher().algorithm
        hashers.make_password("")  # which loads the hasher's library
    except (ImportError, TypeError, ValueError, ImproperlyConfigured) as error:
        yield checks.Error(f"PASSWORD_HASHER can't be used: {error}", hint=hint, id="accounts.E004")
        return
    if algorithm in WEAK_ALGORITHMS:
        yield checks.Error(
            "PASSWORD_HASHER makes hashes that are easy to reverse.", hint=hint, id="accounts.E005"
        )


@checks.register(checks.Tags.security)
def side_by_side(**_: Any) -> Iterator[checks.CheckMessage]:
    """Tell at every start what running beside the Flask service costs."""
    if settings.FLASK_SIDE_BY_SIDE:
        yield checks.Warning(
            "FLASK_SIDE_BY_SIDE is on: unsalted SHA-256 hashes of passwords are kept, and tokens "
            "of the Flask service are accepted, which it goes on accepting until they expire.",
            hint="Set it to off once the Flask service is switched off: see docs/takeover.md.",
            id="accounts.W001",
        )


@checks.register(checks.Tags.security)
def shared_key(**_: Any) -> Iterator[checks.CheckMessage]:
    """Beside the Flask service tokens are signed with its secret, the only key that it reads."""
    is_derived = derived_key(settings.SECRET_KEY, "jwt") == settings.JWT_SECRET_KEY
    if settings.FLASK_SIDE_BY_SIDE and (is_derived or PEM in settings.JWT_SECRET_KEY):
        what = "not set" if is_derived else "a PEM key"
        yield checks.Error(
            f"FLASK_SIDE_BY_SIDE is on and JWT_SECRET_KEY is {what}: the Flask service could not "
            "read the tokens of this one.",
            hint="Set JWT_SECRET_KEY to the secret that the Flask service has under that name, or "
            "FLASK_SIDE_BY_SIDE to off: see docs/takeover.md.",
            id="accounts.E006",
        )


@checks.register(checks.Tags.security, deploy=True)
def guessing(**_: Any) -> Iterator[checks.CheckMessage]:
    """Passwords may be guessed, logins made and names registered so often only."""
    limits = ("LOGIN_LIMIT_PER_USER", "LOGIN_LIMIT_PER_ADDRESS", "SUCCESSFUL_LOGIN_LIMIT")
    for name in (*limits, "REGISTRATION_LIMIT"):
        if getattr(settings, name) is None:
            yield checks.Warning(
                f"{name} is off.",
                hint=f"Set {name} to a rate such as 10/15m, or unset it.",
                id="accounts.W002",
            )


def _error(message: str, number: str) -> checks.Error:
    hint = (
        f"Set a secret of {SHORTEST_SECRET} bytes or more, or a PEM private key of RSA or Ed25519."
    )
    return checks.Error(message, hint=hint, id=f"accounts.{number}")

"""System checks of keys, tokens and passwords: settings that would silently weaken them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.contrib.auth import hashers
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from accounts.keys import Key

# An HMAC key shorter than its hash is weaker than the hash (RFC 7518, section 3.2).
SHORTEST_SECRET = 32  # bytes
MAX_GRACE = timedelta(minutes=5)


@checks.register(checks.Tags.security)
def token_keys(**_: Any) -> Iterator[checks.CheckMessage]:
    """Every key can be read and is long enough, and the first one can sign."""
    texts = (settings.JWT_SECRET_KEY, *settings.JWT_PREVIOUS_KEYS)
    for index, text in enumerate(texts):
        name = "JWT_PREVIOUS_KEYS" if index else "JWT_SECRET_KEY"
        try:
            key = Key(text)
        except ValueError as error:
            yield _error(f"{name} holds a key that can't be read: {error}", "E001")
            continue
        if key.signing is None and index == 0:
            yield _error("JWT_SECRET_KEY is a public key, which can't sign.", "E002")
        if key.algorithm == "HS256" and len(text.encode()) < SHORTEST_SECRET:
            yield _error(f"{name} holds a secret of {len(text.encode())} bytes.", "E003")


@checks.register(checks.Tags.security)
def lifetimes(**_: Any) -> Iterator[checks.CheckMessage]:
    """A token must not outlive what it stands on."""
    names = ("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "SESSION_MAX_AGE")
    for shorter, longer in pairwise(names):
        if getattr(settings, shorter) > getattr(settings, longer):
            yield checks.Error(
                f"{shorter} is longer than {longer}.",
                hint=f"Set {shorter} to {longer} or less.",
                id="accounts.E008",
            )
    if settings.REFRESH_TOKEN_GRACE > MAX_GRACE:
        yield checks.Error(
            "REFRESH_TOKEN_GRACE is so long that a stolen refresh token can go unnoticed.",
            hint="Set REFRESH_TOKEN_GRACE to some seconds, 5m at most.",
            id="accounts.E009",
        )


@checks.register(checks.Tags.security)
def password_hasher(**_: Any) -> Iterator[checks.CheckMessage]:
    """The hasher of new passwords exists, and is not weak."""
    hint = "Unset PASSWORD_HASHER, or set it to one of Django's hashers."
    try:
        hasher = hashers.get_hasher()
        hashers.make_password("")  # which loads the hasher's library
    except (ImportError, TypeError, ValueError, ImproperlyConfigured) as error:
        yield checks.Error(f"PASSWORD_HASHER can't be used: {error}", hint=hint, id="accounts.E004")
        return
    # Django has an MD5 hasher for tests.
    if getattr(hasher, "is_weak", hasher.algorithm == "md5"):
        yield checks.Error(
            "PASSWORD_HASHER makes hashes that are easy to reverse.", hint=hint, id="accounts.E005"
        )


@checks.register(checks.Tags.security, deploy=True)
def password_policy(**_: Any) -> Iterator[checks.CheckMessage]:
    if settings.PASSWORD_POLICY != "strict":
        yield checks.Warning(
            "Passwords may be as short as one character.",
            hint="Set PASSWORD_POLICY=strict once no client registers with shorter ones.",
            id="accounts.W003",
        )


@checks.register(checks.Tags.security, deploy=True)
def guessing(**_: Any) -> Iterator[checks.CheckMessage]:
    """Guesses of passwords, log-ins and registrations are limited."""
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

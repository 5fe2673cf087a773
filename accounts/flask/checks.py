"""System checks of running beside the Flask service, and of the end of its routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks

from accounts.keys import PEM
from templatesvc.keys import derived_key


@checks.register(checks.Tags.security)
def side_by_side(**_: Any) -> Iterator[checks.CheckMessage]:
    """Warn at every start of the cost of running beside the Flask service."""
    if settings.FLASK_SIDE_BY_SIDE:
        yield checks.Warning(
            "FLASK_SIDE_BY_SIDE is on: unsalted SHA-256 hashes of passwords are kept, and tokens "
            "of the Flask service are accepted, which it goes on accepting until they expire.",
            hint="Set it to off once the Flask service is switched off: see docs/takeover.md.",
            id="accounts.W001",
        )


@checks.register(checks.Tags.security)
def shared_key(**_: Any) -> Iterator[checks.CheckMessage]:
    """Beside the Flask service, its secret must sign tokens, because it reads no other key."""
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


@checks.register()
def sunset(**_: Any) -> Iterator[checks.CheckMessage]:
    """Routes can't end before they are deprecated (RFC 9745, section 4)."""
    since, until = settings.FLASK_DEPRECATION, settings.FLASK_SUNSET
    if since and until and until < since:
        yield checks.Error(
            "FLASK_SUNSET is earlier than FLASK_DEPRECATION.",
            hint="Set FLASK_SUNSET to the day on which the deprecated routes are to be gone.",
            id="accounts.E007",
        )

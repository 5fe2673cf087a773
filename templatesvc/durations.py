"""Durations as settings write them: ``15s``, ``30m``, ``12h`` or ``1d``."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from environs.fields import TimeDelta
from marshmallow import ValidationError

CENTURY = "36500d"  # now plus this is still a valid date


def duration(text: str, at_least: str = "1s", at_most: str = CENTURY) -> timedelta:
    """Read the notation. Raises marshmallow's ValidationError, whose text says what is allowed."""
    shortest, longest = map(TimeDelta().deserialize, (at_least, at_most))
    with suppress(ValidationError, ValueError, OverflowError):
        if shortest <= (read := TimeDelta().deserialize(text)) <= longest:
            return read
    raise ValidationError(f"The time must be from {at_least} to {at_most}, such as 15s, 30m or 1d.")

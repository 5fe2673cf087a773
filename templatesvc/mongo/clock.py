"""The time, as BSON keeps it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time in UTC, to the millisecond."""
    return in_milliseconds(datetime.now(UTC))


def in_milliseconds(moment: datetime) -> datetime:
    """Return a moment cut to the milliseconds that BSON keeps."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

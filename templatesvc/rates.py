"""Limits as settings write them: ``10/15m`` is ten in a quarter of an hour, ``off`` is no limit."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NamedTuple, Self

from marshmallow import ValidationError

from templatesvc.durations import duration

NOTATION = re.compile(r"(\d{1,9})/(\S+)")


class Rate(NamedTuple):
    """So many times in a period."""

    limit: int
    period: timedelta

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the notation of settings; None is ``off``. Raises marshmallow's ValidationError."""
        if text.lower() == "off":
            return None
        match = NOTATION.fullmatch(text)
        if not match or int(match[1]) < 1:
            raise ValidationError("Must be a number in a time, such as 10/15m, or off.")
        return cls(int(match[1]), duration(match[2]))

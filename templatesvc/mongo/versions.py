"""The number of a document's version, in whatever form another program may have stored it."""

from __future__ import annotations

from typing import Any

from templatesvc.mongo.fields import RawField

# The largest number of a version: all numbers with so many digits fit 64 bits.
MAX_VERSION = 10**18 - 1


class VersionField(RawField):
    """The number of a version: the whole part of a number from 1 to MAX_VERSION.

    Any other stored value counts as 1, here and in ``version_query`` and ``next_one``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default=1, **kwargs)

    def to_python(self, value: Any) -> int:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return int(value) if is_number and 1 <= value <= MAX_VERSION else 1

    @staticmethod
    def next_one() -> dict[str, Any]:
        """Return the expression for the number that follows a document's."""
        is_number = {"$and": [{"$gte": ["$version", 1]}, {"$lte": ["$version", MAX_VERSION]}]}
        return {"$add": [{"$cond": [is_number, "$version", 1]}, 1]}


def version_query(number: int) -> dict[str, Any]:
    """Return the condition for stored values that count as this number."""
    if number == 1:
        return {"$not": {"$gte": 2, "$lte": MAX_VERSION}}
    return {"$gte": number, "$lt": number + 1}

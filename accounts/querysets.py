"""Users in the order of their names, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Self

from templatesvc.mongo.keysets import Position
from templatesvc.mongo.querysets import KeysetQuerySet


class UserQuerySet(KeysetQuerySet):
    """Users, all of whose names are texts."""

    orders = {"username": ("username",)}

    def not_erased(self) -> Self:
        """Narrow to users who are not being erased."""
        return self.filter(__raw__={"erased_at": {"$not": {"$type": "date"}}})

    def named_like(self, text: str) -> Self:
        """Narrow to users with this text in their name, ignoring case."""
        # Compared in the store, which walks the index of names and stops once it has enough.
        return self.filter(__raw__={"username": {"$regex": re.escape(text), "$options": "i"}})

    def walk(
        self, by: str, descending: bool, after: Position | None = None, limit: int = 0
    ) -> Iterator[Any]:
        """Yield the users in an order, from a position on, ``limit`` at the most.

        Users whose names are no texts, as another program may have stored them, are left out.
        """
        return super(UserQuerySet, self._named_by_text()).walk(by, descending, after, limit)

    def count_up_to(self, limit: int) -> int:
        """Return how many there are; above ``limit``, some number above it."""
        return super(UserQuerySet, self._named_by_text()).count_up_to(limit)

    def _named_by_text(self) -> Self:
        # The first condition, by which the index is walked, also finds lists of texts.
        text = [{"username": {"$gte": ""}}, {"username": {"$not": {"$type": "array"}}}]
        return self.filter(__raw__={"$and": text})

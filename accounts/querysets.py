"""Users in the order of their names, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from templatesvc.mongo.querysets import KeysetQuerySet


class Name(NamedTuple):
    """Where a user stands in the order of names, each of which one user has."""

    username: str

    def to_json(self) -> str:
        return self.username

    @classmethod
    def from_json(cls, place: str) -> Name:
        return cls(place)


class UserQuerySet(KeysetQuerySet):
    """Users, all of whose names are texts."""

    position_class = Name

    def standing(self) -> Self:
        """Narrow to users who are not being erased."""
        return self.filter(__raw__={"erased_at": {"$not": {"$type": "date"}}})

    def containing(self, text: str) -> Self:
        """Narrow to users with this text in their name, of whatever case."""
        # It walks the index of names, and stops once it has enough.
        return self.filter(__raw__={"username": {"$regex": re.escape(text), "$options": "i"}})

    def walk(
        self, by: str, descending: bool, after: Name | None = None, most: int = 0
    ) -> Iterator[Any]:
        """Yield the users ordered by ``username``, from a position on; ``most`` at the most.

        A name that is no text, as the Flask service let them in, is in no bound and in no list.
        """
        beyond = "lt" if descending else "gt"
        bound = {f"username__{beyond}": after.username} if after else {"username__gte": ""}
        found = self.filter(**bound).order_by(f"{'-' if descending else ''}username")
        return (user for user in found.limit(most).no_cache() if user.username is not None)

    def count_up_to(self, most: int) -> int:
        """Return how many there are; above ``most``, some number above it."""
        return super(UserQuerySet, self.filter(username__gte="")).count_up_to(most)

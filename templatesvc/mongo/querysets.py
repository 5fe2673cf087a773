"""What a queryset has that lists can page through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from mongoengine.queryset import QuerySet


class KeysetQuerySet(QuerySet):
    """Documents that can be walked in an order from a position on, and back.

    A document's ``position`` and the ``position_class`` are of one class, which a cursor holds as
    JSON: ``to_json`` and ``from_json``.
    """

    position_class: Any
    # What a list need not read of a document unless somebody asks for it.
    large_fields: ClassVar[frozenset[str]] = frozenset()

    @property
    def is_search(self) -> bool:
        """Whether documents are looked at here, one after the other, to see which of them fit."""
        return False

    def walk(self, by: str, descending: bool, after: Any = None, most: int = 0) -> Iterator[Any]:
        """Yield the documents ordered by a field, from a position on.

        ``most`` says how many will be taken, so that no more are read; 0 reads all. A search
        yields everything that it looks at.
        """
        raise NotImplementedError

    def fits(self, document: Any) -> bool:
        """Tell whether a document is what a search looks for."""
        return True

    def count_up_to(self, most: int) -> int:
        """Return how many there are; above ``most``, some number above it."""
        return self.limit(most + 1).count(with_limit_and_skip=True)

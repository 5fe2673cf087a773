"""Filters in the margin of a list: each makes a condition of one parameter of the URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from bson import ObjectId

from templatesvc.mongo.documents import now

Query = dict[str, Any]


class Filter:
    """A parameter, what stands above it on the page, and the template that shows it."""

    template_name = "admin/filter.html"

    def __init__(self, parameter: str, title: str) -> None:
        self.parameter = parameter
        self.title = title

    def query(self, value: str) -> Query | None:
        """Return the condition that a value means; None for a value that means nothing."""
        raise NotImplementedError

    def choices(self) -> Iterator[tuple[str, str]]:
        """Yield the values that are offered, with their names."""
        return iter(())


class ChoiceFilter(Filter):
    """A few values with a condition each; a function makes one that has to ask the store."""

    def __init__(
        self,
        parameter: str,
        title: str,
        queries: dict[str, Query | Callable[[], Query]],
        labels: dict[str, str] | None = None,
    ) -> None:
        super().__init__(parameter, title)
        self.queries = queries
        self.labels = labels or {value: in_words(value) for value in queries}

    def query(self, value: str) -> Query | None:
        found = self.queries.get(value)
        return found() if callable(found) else found

    def choices(self) -> Iterator[tuple[str, str]]:
        return iter(self.labels.items())


class DateFilter(Filter):
    """When a document was made, as its id tells."""

    SPANS = {
        "24h": ("Past 24 hours", timedelta(days=1)),
        "7d": ("Past 7 days", timedelta(days=7)),
        "30d": ("Past 30 days", timedelta(days=30)),
        "365d": ("Past year", timedelta(days=365)),
    }

    def query(self, value: str) -> Query | None:
        if value not in self.SPANS:
            return None
        return {"_id": {"$gte": ObjectId.from_datetime(now() - self.SPANS[value][1])}}

    def choices(self) -> Iterator[tuple[str, str]]:
        return ((value, name) for value, (name, _) in self.SPANS.items())


class TextFilter(Filter):
    """A text that a field is to have exactly."""

    template_name = "admin/document/text_filter.html"

    def __init__(self, parameter: str, title: str, field: str) -> None:
        super().__init__(parameter, title)
        self.field = field

    def query(self, value: str) -> Query | None:
        return {self.field: value}


def in_words(value: str) -> str:
    """Return a stored name, such as ``logged_in``, as people read it."""
    return value.replace("_", " ").capitalize()

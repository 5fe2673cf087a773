"""Filters in the margin of a list: each turns a parameter of the URL into a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from templatesvc.mongo import ids
from templatesvc.mongo.clock import now
from templatesvc.mongo.keysets import Query, both


class Filter:
    """A parameter, its title on the page, and the template that shows it."""

    template_name = "admin/filter.html"
    hint = ""  # the placeholder of the field

    def __init__(self, parameter: str, title: str) -> None:
        self.parameter = parameter
        self.title = title

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters of the URL that this filter reads."""
        return (self.parameter,)

    def condition(self, given: Mapping[str, str]) -> Query | None:
        """Return the condition that the parameters of a URL ask for, if they ask for one."""
        value = given.get(self.parameter)
        return self.query(value) if value else None

    def query(self, value: str) -> Query | None:
        """Return the condition that a value means; None for a value that means nothing."""
        raise NotImplementedError

    def choices(self) -> Iterator[tuple[str, str]]:
        """Yield the values that are offered, with their names."""
        return iter(())


class ChoiceFilter(Filter):
    """A few values, each with a condition, or with a function that asks the store for it."""

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
    """When a document was made, by its id: recently, or from one minute to another (UTC)."""

    template_name = "admin/document/date_filter.html"

    SPANS = {
        "1h": ("Past hour", timedelta(hours=1)),
        "24h": ("Past 24 hours", timedelta(days=1)),
        "7d": ("Past 7 days", timedelta(days=7)),
        "30d": ("Past 30 days", timedelta(days=30)),
        "365d": ("Past year", timedelta(days=365)),
    }

    @property
    def parameters(self) -> tuple[str, ...]:
        return (self.parameter, f"{self.parameter}_from", f"{self.parameter}_to")

    def condition(self, given: Mapping[str, str]) -> Query | None:
        span, begin, end = (given.get(name, "") for name in self.parameters)
        first, last = minute(begin), minute(end)
        query = self.query(span) or {}
        if first:
            query = both(query, {"_id": {"$gte": ObjectId.from_datetime(first)}})
        if last:
            after = ObjectId.from_datetime(last + timedelta(minutes=1))
            query = both(query, {"_id": {"$lt": after}})
        return query or None

    def query(self, value: str) -> Query | None:
        if value == "today":
            begin = now().replace(hour=0, minute=0, second=0, microsecond=0)
        elif value in self.SPANS:
            begin = now() - self.SPANS[value][1]
        else:
            return None
        return {"_id": {"$gte": ObjectId.from_datetime(begin)}}

    def choices(self) -> Iterator[tuple[str, str]]:
        yield "today", "Today (UTC)"
        yield from ((value, name) for value, (name, _) in self.SPANS.items())


def minute(text: str) -> datetime | None:
    """Return the moment that was typed, in UTC unless it has a zone; None if it is invalid."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(ids.nearest(moment), ids.LAST_MOMENT - timedelta(minutes=1))
    except ValueError:
        return None


class TextFilter(Filter):
    """A text that a field must equal."""

    template_name = "admin/document/text_filter.html"
    hint = "The whole name"

    def __init__(self, parameter: str, title: str, field: str) -> None:
        super().__init__(parameter, title)
        self.field = field

    def query(self, value: str) -> Query | None:
        return {self.field: value}


def in_words(value: str) -> str:
    """Return a stored name, such as ``logged_in``, as people read it."""
    return value.replace("_", " ").capitalize()

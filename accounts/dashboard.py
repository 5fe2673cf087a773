"""What operators see first: how much there is, and what has happened of late."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from bson import ObjectId
from django.http import HttpRequest

from accounts.audit import Action, AuditEntry
from templatesvc.admin import site
from templatesvc.mongo.documents import ServiceDocument, now
from templatesvc.mongo.history import DocumentVersion

DAYS = 30
# So that the page is quick where a day has a million entries: older ones are not counted.
MOST_ENTRIES = 10_000
NEWEST = 10
ESTIMATED_EVERY = 10  # seconds


class Bar(NamedTuple):
    """A day in a chart; ``height`` is in percent of the chart's."""

    day: date
    count: int
    x: int
    height: float


class Chart(NamedTuple):
    """How often something happened on each of the last days, the oldest first."""

    title: str
    total: int
    bars: list[Bar]

    @classmethod
    def of(cls, title: str, days: list[date], counts: Counter[date]) -> Chart:
        most = max(counts.values(), default=0) or 1
        bars = [Bar(day, counts[day], x, 100 * counts[day] / most) for x, day in enumerate(days)]
        return cls(title, sum(counts[day] for day in days), bars)


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows, in a round trip for each document and two more."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [(midnight - timedelta(days=ago)).date() for ago in reversed(range(DAYS))]
    # Ids are in the order of time. Not all entries: some servers sort what they find as a whole.
    since = ObjectId.from_datetime(midnight - timedelta(days=DAYS - 1))
    newest = AuditEntry.objects(id__gte=since).order_by("-id").limit(NEWEST)
    return {"estimates": estimates(), "newest": list(newest)} | activity(days, since)


def estimates() -> list[tuple[str, int]]:
    """Return about how many documents of each kind there are, as it was seconds ago.

    MongoDB knows uncounted; some servers count, which takes 0.2 s for a million.
    """
    return _estimates(int(time.monotonic() // ESTIMATED_EVERY))


@lru_cache(maxsize=1)
def _estimates(period: int) -> list[tuple[str, int]]:
    return [
        (document._get_collection_name(), document._get_collection().estimated_document_count())
        for document in counted()
    ]


def counted() -> list[type[ServiceDocument]]:
    """Return the documents that have a list of their own; versions are part of others."""
    return [document for document in site.admins if not issubclass(document, DocumentVersion)]


def activity(days: list[date], since: ObjectId) -> dict[str, Any]:
    """Return charts of registrations and logins, and how many logins failed in the last days."""
    rows = list(_counted_by_day(since))
    by_action: dict[str, Counter[date]] = {action.value: Counter() for action in Action}
    for row in rows:
        by_action.setdefault(row["_id"]["action"], Counter())[_day(row)] += row["count"]
    failed = by_action[Action.LOGIN_FAILED.value]
    return {
        "charts": [
            Chart.of("Registrations", days, by_action[Action.REGISTERED.value]),
            Chart.of("Log-ins", days, by_action[Action.LOGGED_IN.value]),
            Chart.of("Failed log-ins", days, failed),
        ],
        "failed_today": failed[days[-1]],
        "most_entries": MOST_ENTRIES if _total(rows) == MOST_ENTRIES else None,
    }


def _counted_by_day(since: ObjectId) -> Iterable[dict[str, Any]]:
    """Return how often each action was on each day, of the newest entries."""
    day = {"$dateToString": {"format": "%Y-%m-%d", "date": "$at"}}
    return AuditEntry._get_collection().aggregate(
        [
            {"$match": {"_id": {"$gte": since}}},
            {"$sort": {"_id": -1}},
            {"$limit": MOST_ENTRIES},
            {"$group": {"_id": {"action": "$action", "day": day}, "count": {"$sum": 1}}},
        ]
    )


def _day(row: dict[str, Any]) -> date:
    return date.fromisoformat(row["_id"]["day"])


def _total(rows: list[dict[str, Any]]) -> int:
    return sum(row["count"] for row in rows)

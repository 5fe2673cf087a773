"""What operators see first: how much there is, and what has happened recently."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from bson import ObjectId
from django.http import HttpRequest
from django.utils.text import capfirst

from accounts.admin.audit import doer
from accounts.admin.links import listed, user_link
from accounts.audit import Action, AuditEntry
from templatesvc.admin import site
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.history import DocumentVersion

DAYS = 30
# Older entries are not counted, so that the page is quick even if a day has a million.
MAX_ENTRIES = 10_000
NEWEST = 10
CHARTS = {
    "Registrations": Action.REGISTERED,
    "Log-ins": Action.LOGGED_IN,
    "Failed log-ins": Action.LOGIN_FAILED,
}
ESTIMATED_EVERY = 10  # seconds


class Bar(NamedTuple):
    """A day in a chart; ``height`` is a percentage of the chart's."""

    day: date
    count: int
    x: int
    height: float


class Chart(NamedTuple):
    """How often something happened on each of the last days, the oldest first."""

    title: str
    url: str
    total: int
    bars: list[Bar]

    @classmethod
    def of(cls, title: str, action: Action, days: list[date], counts: Counter[date]) -> Chart:
        most = max(counts.values(), default=0) or 1
        bars = [Bar(day, counts[day], x, 100 * counts[day] / most) for x, day in enumerate(days)]
        url = listed("auditentry", action=action.value, at="30d")
        return cls(title, url, sum(counts[day] for day in days), bars)


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the page, in a round trip for each list and two more."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [(midnight - timedelta(days=ago)).date() for ago in reversed(range(DAYS))]
    # By id, which is the order of time; since a day, because some servers sort all that they find.
    since = ObjectId.from_datetime(midnight - timedelta(days=DAYS - 1))
    newest = AuditEntry.objects(id__gte=since).order_by("-id").limit(NEWEST)
    shown = [(entry, *links_of(entry)) for entry in newest]
    return {"estimates": estimates(), "newest": shown} | activity(days, since)


def links_of(entry: AuditEntry) -> tuple[str, str, str]:
    """Return the URL of an entry, and links to the user concerned and to the one who did it."""
    by = doer(entry) if entry.by != entry.username else ""
    return site.admins[AuditEntry].url_of("change", entry), user_link(entry.username), by


def estimates() -> list[tuple[str, str, int]]:
    """Return the lists, each with its URL and an estimate, some seconds old, of its length.

    MongoDB knows the number without counting; some servers count, 0.2 s for a million.
    """
    counts = _estimates(int(time.monotonic() // ESTIMATED_EVERY))
    lists = ((site.admins[document], count) for document, count in counts.items())
    return [
        (capfirst(admin.opts.verbose_name_plural), admin.url_of("changelist"), count)
        for admin, count in lists
    ]


@lru_cache(maxsize=1)
def _estimates(period: int) -> dict[type[ServiceDocument], int]:
    return {
        document: document._get_collection().estimated_document_count() for document in counted()
    }


def counted() -> list[type[ServiceDocument]]:
    """Return the documents with a list of their own; versions belong to other documents."""
    documents = (admin.document for admin in site.in_order)
    return [document for document in documents if not issubclass(document, DocumentVersion)]


def activity(days: list[date], since: ObjectId) -> dict[str, Any]:
    """Return charts of registrations and log-ins, and how many log-ins failed today."""
    rows = list(_counted_by_day(since))
    by_action: dict[str, Counter[date]] = {action.value: Counter() for action in Action}
    for row in rows:
        day = date.fromisoformat(row["_id"]["day"])
        by_action.setdefault(row["_id"]["action"], Counter())[day] += row["count"]
    total = sum(row["count"] for row in rows)
    return {
        "charts": [
            Chart.of(title, action, days, by_action[action.value])
            for title, action in CHARTS.items()
        ],
        "failed_today": by_action[Action.LOGIN_FAILED.value][days[-1]],
        "failed_today_url": listed("auditentry", action=Action.LOGIN_FAILED.value, at="today"),
        "most_entries": MAX_ENTRIES if total == MAX_ENTRIES else None,
    }


def _counted_by_day(since: ObjectId) -> Iterable[dict[str, Any]]:
    """Return how often each action happened on each day, among the newest entries."""
    day = {"$dateToString": {"format": "%Y-%m-%d", "date": "$at"}}
    return AuditEntry._get_collection().aggregate(
        [
            {"$match": {"_id": {"$gte": since}}},
            {"$sort": {"_id": -1}},
            {"$limit": MAX_ENTRIES},
            {"$group": {"_id": {"action": "$action", "day": day}, "count": {"$sum": 1}}},
        ]
    )

"""How much a store has to hold, and how many connections and requests it has to bear.

    python -m benchmarks.size

has one person live through a day on a store in memory, and prints the tables of docs/scaling.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import bson

USERS = (10**6, 10**7)
ACTIVE = 0.1  # of them live such a day each day
AFTER, DAY = timedelta(days=365), timedelta(days=1)
# What one person does in a day, beside logging in, once with a wrong password.
CREATED, CHANGED, DELETED = 5, 5, 1
TEXT = "a text of some lines, each of which is as long as one in a letter is. " * 3
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ADDRESS = "203.0.113.7"
# In an index beside the values: where the document is.
PLACE = 8
ASKED = {"sessions", "users"}  # by each request
# What one process takes of its processor for a request (docs/performance.md).
PROCESSOR_SECONDS = 0.0015
ROUND_TRIP_SECONDS = (0.0005, 0.001, 0.002)
PROCESSES = ((1, 2, 4), (4, 4, 4), (20, 4, 4))  # machines, workers, threads
MEMBERS = 3
# A driver watches each member by one connection, and measures how far it is by another.
MONITORS = 2
Row = dict[str, Any]


class Kind(NamedTuple):
    """What one user has in a collection."""

    collection: str
    size: float  # of a document, in bytes
    index: float  # of its entries in all indexes
    once: int  # documents from the registration on
    daily: int  # documents that a day adds, and does not delete again
    kept: timedelta | None  # until a TTL index deletes one

    def standing(self, after: timedelta) -> float:
        """How many there are for each user after so long."""
        kept = min(after, self.kept) if self.kept else after
        return self.once + ACTIVE * self.daily * (kept / DAY)

    @property
    def expiring(self) -> int:
        """How many a day are deleted by a TTL index."""
        return self.daily if self.kept else 0

    def cells(self) -> list[str]:
        kept = "always" if self.kept is None else _duration(self.kept)
        return [
            f"`{self.collection}`",
            *(f"{number:.0f}" for number in (self.size, self.index, self.once, self.daily)),
            kept,
        ]


def _duration(time: timedelta) -> str:
    return f"{time / DAY:.0f} d" if time > DAY / 2 else f"{time / DAY * 24 * 60:.0f} min"


# --- One person's day -----------------------------------------------------------------------------


def measure() -> list[Kind]:
    """Have somebody register and live through two days on an empty store; return what is stored."""
    from rest_framework.test import APIClient

    client = APIClient(HTTP_USER_AGENT=BROWSER, REMOTE_ADDR=ADDRESS)
    person = {"username": "ada.lovelace", "password": "note-g-of-1843"}
    _done(client.post("/api/v1/users", person))
    _live_a_day(client, person, "first")
    before = _stored()
    _live_a_day(client, person, "second")
    return [_kind(name, len(before[name]), rows) for name, rows in _stored().items() if rows]


def _live_a_day(client: Any, person: dict[str, str], day: str) -> None:
    client.credentials()
    client.post("/api/v1/login", person | {"password": "mistyped"})
    tokens = _done(client.post("/api/v1/login", person)).json()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access_token']}")
    made = [_create(client, f"{day} {number}") for number in range(CREATED)]
    for number, url in enumerate(made[:CHANGED]):
        _done(client.put(url, {"template": f"{day} {number}, again: {TEXT}"}))
    for url in made[:DELETED]:
        _done(client.delete(url))
    _done(client.post("/api/v1/token/refresh", {"refresh_token": tokens["refresh_token"]}))


def _create(client: Any, name: str) -> str:
    key = {"Idempotency-Key": f'"{name}"'}
    answer = client.post("/api/v1/templates", {"template": f"{name}: {TEXT}"}, headers=key)
    return str(_done(answer)["Location"])


def _done(answer: Any) -> Any:
    assert answer.status_code < 300, answer.content
    return answer


def _stored() -> dict[str, list[Row]]:
    from templatesvc.mongo.documents import ServiceDocument

    documents = {each._get_collection_name(): each for each in ServiceDocument.concrete_classes()}
    return {name: [*documents[name]._get_collection().find()] for name in sorted(documents)}


def _kind(name: str, before: int, rows: list[Row]) -> Kind:
    from templatesvc.mongo.clock import now

    expiring = [row["expires_at"] - now() for row in rows if "expires_at" in row]
    kept = sum(expiring, timedelta()) / len(expiring) if expiring else None
    # What would have been deleted before the second day comes each day.
    daily = len(rows) if kept and kept < DAY / 2 else len(rows) - before
    size = _mean(len(bson.encode(row)) for row in rows)
    index = _mean(index_bytes(name, row) for row in rows)
    return Kind(name, size, index, max(0, len(rows) - 2 * daily), daily, kept)


def _mean(numbers: Iterator[int]) -> float:
    found = [*numbers]
    return sum(found) / len(found)


def index_bytes(collection: str, row: Row) -> int:
    """Return how many bytes a document's entries in the indexes have, before any compression."""
    from templatesvc.mongo import indexes

    total = _entry([row["_id"]])
    for index in indexes.declared():
        stored = index.document._get_collection()
        condition = index.options.get("partialFilterExpression", {})
        if stored.name == collection and stored.find_one({"_id": row["_id"], **condition}):
            total += _entry([row.get(field) for field, _ in index.keys])
    return total


def _entry(values: list[Any]) -> int:
    # The value as BSON has it, with a byte for its type.
    return PLACE + sum(len(bson.encode({"": value})) - 6 for value in values)


# --- The tables -----------------------------------------------------------------------------------


def growth(kinds: list[Kind]) -> Iterator[list[str]]:
    yield [
        *("collection", "bytes of a document", "bytes in indexes"),
        *("of a user, once", "a day", "kept for"),
    ]
    for kind in kinds:
        yield kind.cells()


def totals(kinds: list[Kind]) -> Iterator[list[str]]:
    yield ["users", "documents", "data", "indexes", "of them for each request", "TTL deletes"]
    for users in USERS:
        standing = [(kind, users * kind.standing(AFTER)) for kind in kinds]
        data = sum(kind.size * count for kind, count in standing)
        index = sum(kind.index * count for kind, count in standing)
        asked = sum(kind.index * count for kind, count in standing if kind.collection in ASKED)
        deletes = ACTIVE * users * sum(kind.expiring for kind in kinds) / 86_400
        yield [
            f"{users:,}",
            f"{sum(count for _, count in standing) / 1e6:,.0f} million",
            f"{data / 1e9:,.0f} GB",
            f"{index / 1e9:,.0f} GB",
            f"{asked / 1e9:,.1f} GB",
            f"{deletes:,.0f} a second",
        ]


def connections() -> Iterator[list[str]]:
    yield ["machines", "workers", "threads", "`maxPoolSize`", "to the primary", "to each other"]
    for machines, workers, threads in PROCESSES:
        processes = machines * workers
        yield [
            *map(str, (machines, workers, threads, threads)),
            str(processes * (threads + MONITORS)),
            str(processes * MONITORS),
        ]


def rates() -> Iterator[list[str]]:
    from tests.test_budgets import BUDGETS

    seen = sorted({budget.round_trips for budget in BUDGETS.values()} - {0})
    yield ["round trips", *(f"{seconds * 1000:g} ms each" for seconds in ROUND_TRIP_SECONDS)]
    for trips in seen:
        yield [str(trips), *(f"{rate(trips, each):,.0f}" for each in ROUND_TRIP_SECONDS)]


def rate(round_trips: int, seconds: float, threads: int = 4) -> float:
    """Return how many requests a second one worker answers at the most."""
    waits = threads / (PROCESSOR_SECONDS + round_trips * seconds)
    return min(1 / PROCESSOR_SECONDS, waits)


def main() -> None:
    os.environ |= {"MONGODB_URI": "mongomock://", "ALLOWED_HOSTS": "testserver"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "templatesvc.settings")
    import django

    django.setup()
    kinds = measure()
    for table in (growth(kinds), totals(kinds), connections(), rates()):
        heading, *rows = table
        for cells in (heading, ["---"] * len(heading), *rows):
            print(f"| {' | '.join(cells)} |".replace(" --- ", "---"))
        print()


if __name__ == "__main__":
    main()

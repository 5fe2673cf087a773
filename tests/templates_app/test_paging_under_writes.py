"""Paging through a list while others insert and delete: what stands is there exactly once."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, cast

import pymongo
import pytest
from bson import ObjectId

from templates_app.documents import Template
from templatesvc.mongo.ids import new_id
from tests.conftest import Person
from tests.templates_app.templates import URL

pytestmark = pytest.mark.wire
THREADS = 4
SPAN = timedelta(minutes=10)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def document(text: str, place: float) -> dict[str, Any]:
    """Return a template at a place from 0 to 1 in every order: the Flask service's, or ours."""
    moment = FIRST + place * SPAN
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if secrets.randbelow(3) == 0:
        head = ObjectId.from_datetime(moment).binary[:4]
        own = {"_id": ObjectId(head + secrets.token_bytes(8))}
    else:
        own = {"_id": new_id(moment), "version": 1, "created_at": moment, "updated_at": moment}
    return {"profile": "alice", "template": text, **own}


def insert_and_delete(thread: int, is_over: Event) -> int:
    collection, number = Template._get_collection(), 0
    while not is_over.is_set():
        made = document(f"passing {thread}-{number}", secrets.randbelow(1000) / 1000)
        with pymongo.timeout(60):
            collection.insert_one(made)
            collection.delete_one({"_id": made["_id"], "profile": "alice"})
        number += 1
    return number


@contextmanager
def others_writing() -> Iterator[None]:
    is_over = Event()
    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(insert_and_delete, thread, is_over) for thread in range(THREADS)]
        try:
            yield
        finally:
            is_over.set()
    assert all(writer.result() > 0 for writer in writers)


def page(person: Person, url: str) -> dict[str, Any]:
    with pymongo.timeout(60):
        answer = person.client.get(url)
    assert answer.status_code == 200, answer.content
    return cast(dict[str, Any], answer.json())


def walked(person: Person, first: dict[str, Any], way: str) -> Iterator[dict[str, Any]]:
    """Yield a page and those that follow it, one way."""
    yield (last := first)
    while last[way]:
        yield (last := page(person, last[way]))


def ids_on(pages: list[dict[str, Any]]) -> Counter[str]:
    return Counter(result["id"] for page in pages for result in page["results"])


@pytest.mark.parametrize(
    ("standing", "limit"), [(300, 30), pytest.param(10_000, 100, marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    "ordering",
    ["created_at", "-updated_at"]
    + [pytest.param(each, marks=pytest.mark.long) for each in ("-created_at", "updated_at")],
)
def test_what_stands_is_seen_exactly_once(
    ordering: str, standing: int, limit: int, alice: Person
) -> None:
    rows = [document(f"standing {number}", number / standing) for number in range(standing)]
    with pymongo.timeout(300):
        Template._get_collection().insert_many(rows)
    ids = {str(row["_id"]) for row in rows}
    with others_writing():
        first = page(alice, f"{URL}?limit={limit}&ordering={ordering}")
        forth = list(walked(alice, first, "next"))
        # From the last page as it was answered: read again it could be longer than a page.
        back = list(walked(alice, forth[-1], "previous"))
    for found in (ids_on(forth), ids_on(back)):
        assert {id: found[id] for id in ids} == dict.fromkeys(ids, 1)
    with pymongo.timeout(300):
        Template._get_collection().delete_many({})

"""A walk gives everything in order by one cursor, and goes on where the cursor was lost."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import hypothesis
import pymongo
import pytest
from bson import Binary, ObjectId, encode
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pytest_django.fixtures import Settings

from templatesvc.mongo import store
from templatesvc.mongo.keysets import Holds, Keys, beyond, ranges
from templatesvc.mongo.walks import (
    BATCH_SIZE,
    FIND_SIZE,
    FIRST_BATCH,
    FIRST_OF_ALL,
    Row,
    walk,
)
from tests.films.documents import Film
from tests.processes import PATIENCE, MongoServer

Commands = list[dict[str, Any]]
BY_ID: Keys = [("_id", 1)]


@pytest.fixture(autouse=True)
def numbers() -> Iterator[Collection[dict[str, Any]]]:
    """A collection of its own, of no document's."""
    collection = store.database()["numbers"]
    collection.drop()
    yield collection
    collection.drop()


def insert(*values: Any) -> None:
    rows = [{"_id": number, "value": value} for number, value in enumerate(values)]
    with pymongo.timeout(PATIENCE):
        store.database()["numbers"].insert_many(rows)


def walked(order: Keys = BY_ID, limit: int = 0) -> Iterator[Row]:
    return walk(store.database()["numbers"], {"_id": {"$gte": 0}}, order, limit)


def ids(order: Keys = BY_ID, limit: int = 0) -> list[Any]:
    return [row.document["_id"] for row in walked(order, limit)]


@pytest.mark.parametrize("limit", [0, 1, FIRST_BATCH, 59, 60, 61])
def test_a_walk_gives_all_in_order_or_as_many_as_are_wanted(limit: int) -> None:
    insert(*map(str, range(60)))
    assert ids(limit=limit) == list(range(60))[: limit or None]
    assert ids([("_id", -1)], limit) == list(reversed(range(60)))[: limit or None]


def test_a_row_knows_its_size() -> None:
    insert("short", "x" * 5000)
    rows = list(walked())
    assert [row.size for row in rows] == [len(encode(row.document)) for row in rows]
    assert rows[0].size < 5000 < rows[1].size


@pytest.mark.wire
def test_one_cursor_gives_all_in_batches_of_as_many_bytes(commands: Commands) -> None:
    large = "x" * (BATCH_SIZE // 6)
    insert(*(f"{number} {large}" for number in range(40)))
    commands.clear()
    assert ids() == list(range(40))
    finds, more = commands[:1], commands[1:]
    assert [find["batchSize"] for find in finds] == [FIRST_OF_ALL]
    # A batch may end earlier: a server sends 16 MB at the most.
    assert {command["batchSize"] for command in more if "getMore" in command} <= {5, 6}
    assert all("getMore" in command for command in more)


@pytest.mark.wire
def test_small_documents_come_in_few_round_trips(commands: Commands) -> None:
    insert(*map(str, range(3000)))
    commands.clear()
    assert len(ids()) == 3000
    assert len(commands) <= 4


@pytest.mark.wire
def test_a_find_for_so_many_asks_for_no_more_bytes_at_once(commands: Commands) -> None:
    large = "x" * (BATCH_SIZE // 4)
    insert(*(f"{number} {large}" for number in range(100)))
    commands.clear()
    assert ids(limit=1000) == list(range(100))
    limits = [command["limit"] for command in commands if "find" in command]
    assert limits[0] == FIRST_BATCH
    assert all(limit <= FIND_SIZE / len(large) for limit in limits)


@pytest.mark.long
@pytest.mark.wire
def test_a_walk_holds_one_batch_however_much_it_gives() -> None:
    insert(*([{}] * 20_000 for _ in range(100)))
    found = walked()
    next(found)
    tracemalloc.start()
    try:
        read = sum(row.size for row in found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All of it, decoded, has many times its bytes.
    assert peak < read / 2


@pytest.mark.wire
@pytest.mark.parametrize(
    "limit",
    [30, pytest.param(0, marks=pytest.mark.long), pytest.param(100, marks=pytest.mark.long)],
)
@pytest.mark.parametrize(
    ("size", "count"),
    [(BATCH_SIZE // 3, FIRST_BATCH), (BATCH_SIZE, FIRST_BATCH), (3 * BATCH_SIZE, 8)],
)
def test_a_walk_whose_reader_waits_holds_little_of_large_documents(
    size: int, count: int, limit: int
) -> None:
    insert(*("x" * size for _ in range(count)))
    tracemalloc.start()
    try:
        found = walked(limit=limit)
        held = []
        seen = [next(found).document["_id"]]
        for row in found:
            seen.append(row.document["_id"])
            del row
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert seen == list(range(count))
    assert max(held) < max(3 * BATCH_SIZE, 2 * size)


@pytest.mark.wire
def test_a_search_decodes_what_may_fit_and_the_end_of_each_batch() -> None:
    insert(*("straße" if number == 1000 else f"{number}" for number in range(3000)))
    rows = walk(store.database()["numbers"], {}, BY_ID, may_fit=lambda bson: "ß".encode() in bson)
    seen = [row.document["_id"] for row in rows]
    assert 1000 in seen
    assert seen[-1] == 2999
    assert len(seen) <= 5


@pytest.mark.search
@hypothesis.given(text=st.text(), before=st.text(max_size=200), after=st.text(max_size=200))
def test_what_a_search_finds_in_a_document_it_finds_in_its_bson(
    text: str, before: str, after: str
) -> None:
    stored = encode({"_id": ObjectId(), "value": ["x", before + text + after], "n": 255})
    assert Film.objects.containing(text)._may_fit(stored)


@pytest.mark.wire
def test_small_documents_before_large_ones_are_no_measure_of_a_batch() -> None:
    insert(*("x" * (10 if number < 30 else BATCH_SIZE // 2) for number in range(60)))
    assert ids() == list(range(60))
    assert ids([("_id", -1)], limit=50) == list(reversed(range(10, 60)))


@pytest.mark.wire
@pytest.mark.parametrize("order", [BY_ID, [("_id", -1)], [("value", 1), ("_id", -1)]])
def test_a_lost_cursor_is_opened_again_after_the_last_row(order: Keys, commands: Commands) -> None:
    insert(*(f"{number // 7:03}" + "x" * 20_000 for number in range(200)))
    whole = ids(order)
    found = walked(order)
    seen = [row.document["_id"] for row in islice(found, FIRST_BATCH + 1)]
    lose_cursor(commands)
    seen += [row.document["_id"] for row in found]
    assert seen == whole
    assert len([command for command in commands if "find" in command]) == 1


@pytest.mark.wire
@pytest.mark.parametrize("is_back", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_walk_outlasts_a_restart_of_the_store_or_raises(
    is_back: bool, settings: Settings, tmp_path: Path
) -> None:
    settings.STREAM_SILENCE = timedelta(seconds=PATIENCE if is_back else 1)
    with (
        MongoServer(tmp_path / "data") as server,
        MongoClient[dict[str, Any]](server.uri, serverSelectionTimeoutMS=1000) as client,
    ):
        rows = client.tests.numbers
        rows.insert_many([{"_id": number, "value": "x" * 20_000} for number in range(200)])
        found = walk(rows, {}, BY_ID)
        seen = [row.document["_id"] for row in islice(found, FIRST_BATCH)]
        server.kill()
        if is_back:
            server.start()
            assert seen + [row.document["_id"] for row in found] == list(range(200))
        else:
            with pytest.raises(PyMongoError):
                list(found)


@pytest.mark.wire
@pytest.mark.parametrize("way", [1, -1])
def test_what_lies_beyond_a_place_is_found_whatever_its_type(
    way: int, numbers: Collection[dict[str, Any]]
) -> None:
    values = [
        *(0, -(2**40), 1.5, "", "a", {}, {"a": 1}, Binary(b"x"), ObjectId(), False, True),
        *(datetime(1969, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC), None),
    ]
    numbers.insert_many([{"_id": value} for value in values])
    order: Keys = [("_id", way)]
    whole = list(numbers.find({}).sort(order))
    assert len(whole) == len(values)
    for place, row in enumerate(whole):
        query = beyond(order, [row["_id"]])
        assert list(numbers.find(query).sort(order)) == whole[place + 1 :], row
        for is_sliced in (True, False):
            pieces = ranges(order, [row["_id"]], is_sliced=is_sliced)
            found = [each for piece in pieces for each in numbers.find(piece).sort(order)]
            assert found == whole[place + 1 :], row


@pytest.mark.parametrize("ways", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
@pytest.mark.parametrize("holds", [Holds.NULLS, Holds.ANYTHING])
def test_what_lies_beyond_a_place_of_two_fields_is_found_with_what_has_no_value(
    holds: Holds, ways: tuple[int, int], numbers: Collection[dict[str, Any]]
) -> None:
    values = [3, None, 1, ..., 2, 1, None, 3, 1, ...]
    others = ["x", {"a": 1}] if holds is Holds.ANYTHING else []
    for number, value in enumerate([*values, *others]):
        numbers.insert_one({"_id": number} | ({} if value is ... else {"value": value}))
    order: Keys = [("value", ways[0]), ("_id", ways[1])]
    whole = list(numbers.find({}).sort(order))
    assert [row for piece in ranges(order, None, holds) for row in numbers.find(piece)] != []
    for place, row in enumerate(whole):
        pieces = list(ranges(order, [row.get("value"), row["_id"]], holds))
        found = [each for piece in pieces for each in numbers.find(piece).sort(order)]
        assert found == whole[place + 1 :], row
        # One range where one is enough, as it is in the middle of values.
        assert len(pieces) <= 3


def lose_cursor(commands: Commands) -> None:
    """End the cursor that was read last on the server, as a restart does."""
    id, name = commands[-1]["getMore"], commands[-1]["collection"]
    commands.clear()
    done = store.database().command("killCursors", name, cursors=[id])
    assert done["cursorsKilled"] == [id]

"""A store that is far away, or behind a slow link, is no reason to answer 503."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.far_store import FarStore
from tests.processes import MongoServer, Service

pytestmark = pytest.mark.wire
ROUND_TRIP = 0.3  # seconds
RATE = 4e6  # bytes a second
TEMPLATES = "/api/v1/templates"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        yield server


@pytest.mark.long
def test_a_far_store_makes_no_503(server: MongoServer, tmp_path: Path) -> None:
    with (
        FarStore(server, tmp_path, ROUND_TRIP) as far,
        Service(tmp_path / "service.log", MONGODB_URI=far.uri) as service,
    ):
        assert service.get("/readyz").status == 200
        token = service.log_in("alice")
        paths = ["/get", TEMPLATES, f"{TEMPLATES}?ordering=updated_at", "/api/v1/users/me"] * 3
        with ThreadPoolExecutor(len(paths)) as pool:
            assert [a.status for a in pool.map(lambda path: service.get(path, token), paths)] == [
                200
            ] * len(paths)
        assert service.post("/create", {"template": "one"}, token).status == 200
        assert service.get(f"{TEMPLATES}?search=one", token).status == 200
        assert service.get("/readyz").status == 200


@pytest.mark.long
def test_large_answers_over_a_slow_link_take_their_time(
    server: MongoServer, tmp_path: Path
) -> None:
    with (
        FarStore(server, tmp_path, 0.01, RATE) as far,
        Service(tmp_path / "service.log", MONGODB_URI=far.uri) as service,
    ):
        token = service.log_in("alice")
        rows = [{"profile": "alice", "template": f"{n} {'x' * 300_000}"} for n in range(35)]
        with MongoClient[dict[str, Any]](server.uri) as client:
            client.get_default_database()["templates"].insert_many(rows)
        answer = service.get("/get", token)
        assert (answer.status, len(answer.json["docs"])) == (200, 35)
        with ThreadPoolExecutor(8) as pool:
            lists = list(pool.map(lambda _: service.get(TEMPLATES, token), range(8)))
        assert [answer.status for answer in lists] == [200] * 8

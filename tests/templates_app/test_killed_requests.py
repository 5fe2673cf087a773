"""kill -9 in the middle of what has an Idempotency-Key: sent again, it happened once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.processes import Answer, MongoServer, Service, wait_for
from tests.templates_app.templates import URL

pytestmark = [pytest.mark.wire, pytest.mark.long]
# Lines of an import that replace a template, and that make one: six batches.
OLD, NEW = 1500, 1500


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        yield server


@pytest.fixture
def database(server: MongoServer) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(server.uri, tz_aware=True)
    with client:
        yield client.get_default_database()


def send(service: Service, token: str, path: str, body: Any, key: str, **headers: str) -> Answer:
    return service.request("POST", path, body, token, **{"Idempotency-Key": key} | headers)


def let_leases_end(database: Any) -> None:
    """End what the killed service holds: its keys, and its owner's turn to import."""
    moment = datetime.now(UTC)
    database["idempotent_requests"].update_many({"status": None}, {"$set": {"lease_until": moment}})
    database["leases"].update_many({}, {"$set": {"until": moment}})


def test_a_creation_that_was_killed_happens_once(
    server: MongoServer, database: Any, tmp_path: Path
) -> None:
    answers: dict[int, Answer] = {}

    def create(service: Service, number: int) -> None:
        with suppress(OSError):  # the service was killed
            body = {"template": f"T{number}"}
            answers[number] = send(service, token, URL, body, f"key {number}")

    with Service(tmp_path / "1.log", MONGODB_URI=server.patient_uri) as service:
        token = service.log_in("alice")
        with ThreadPoolExecutor(8) as pool:
            for number in range(400):
                pool.submit(create, service, number)
            wait_for(lambda: len(answers) > 60, "templates are made")
            service.kill()
    first = dict(answers)
    assert len(first) < 400
    let_leases_end(database)
    with Service(tmp_path / "2.log", MONGODB_URI=server.patient_uri) as service:
        for number in range(400):
            create(service, number)
    assert {answer.status for answer in answers.values()} == {201}
    ids = {answers[number].json["id"]: f"T{number}" for number in range(400)}
    assert len(ids) == 400
    stored = {str(row["_id"]): row["template"] for row in database["templates"].find()}
    assert stored == ids
    for number, answer in first.items():
        assert answers[number].text == answer.text
        assert answers[number].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("killed_at", [0.2, 0.5])
def test_an_import_that_was_killed_happens_once(
    killed_at: float, server: MongoServer, database: Any, tmp_path: Path
) -> None:
    templates = database["templates"]
    with Service(tmp_path / "1.log", MONGODB_URI=server.patient_uri) as service:
        token = service.log_in("alice")
        old = "".join(_line(template=f"old {number}") for number in range(OLD))
        assert _import(service, token, old, "before").json["created"] == OLD
        rows = list(templates.find())
        lines = "".join(
            _line(id=str(row["_id"]), template=row["template"].replace("old", "replaced"))
            + _line(template=f"new {number}")
            for number, row in enumerate(rows)
        )
        with ThreadPoolExecutor(1) as pool:
            doomed = pool.submit(_import, service, token, lines, "key")
            some = OLD + int(NEW * killed_at)
            wait_for(lambda: templates.count_documents({}) > some, "some are imported")
            service.kill()
            assert isinstance(doomed.exception(), OSError)
    let_leases_end(database)
    with Service(tmp_path / "2.log", MONGODB_URI=server.patient_uri) as service:
        answer = _import(service, token, lines, "key")
        assert _import(service, token, lines, "key").text == answer.text
    assert answer.status == 200
    assert answer.json["created"] == NEW
    assert answer.json["replaced"] + answer.json["skipped"] == OLD
    assert answer.json["invalid"] == 0
    assert Counter((row["template"].split()[0], row["version"]) for row in templates.find()) == {
        ("replaced", 2): OLD,
        ("new", 1): NEW,
    }
    assert len(templates.distinct("template")) == OLD + NEW


def _line(**members: Any) -> str:
    return json.dumps(members) + "\n"


def _import(service: Service, token: str, lines: str, key: str) -> Answer:
    headers = {"Content-Type": "application/x-ndjson"}
    return send(service, token, f"{URL}/import?mode=replace", lines, key, **headers)

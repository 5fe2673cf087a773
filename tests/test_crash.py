"""kill -9 in the middle of writes: what was answered is there afterwards."""

from __future__ import annotations

import threading
from itertools import count
from pathlib import Path

import pytest

from tests.processes import MongoServer, Service, wait_for

pytestmark = [pytest.mark.wire, pytest.mark.long]


def write_until_refused(service: Service, token: str, kept: list[str], thread: int) -> None:
    for number in count():
        text = f"{thread}-{number}"
        try:
            if service.post("/create", {"template": text}, token).status != 200:
                return
        except OSError:
            return
        kept.append(text)


def write_and_kill(service: Service, server: MongoServer, token: str, kill: str) -> list[str]:
    """Write with four threads, kill a process in the middle; return what was acknowledged."""
    kept: list[str] = []
    threads = [
        threading.Thread(target=write_until_refused, args=(service, token, kept, number))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(kept) > 40, "templates are written")
    (service if kill == "service" else server).kill()
    for thread in threads:
        thread.join(60)
    return kept


@pytest.mark.parametrize("kill", ["service", "server"])
def test_every_acknowledged_write_is_there_after_kill_9(kill: str, tmp_path: Path) -> None:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        uri = server.uri if kill == "server" else server.patient_uri
        with Service(tmp_path / "service.log", MONGODB_URI=uri) as service:
            token = service.log_in("alice")
            kept = write_and_kill(service, server, token, kill)
        if kill == "server":
            server.start()
        with Service(tmp_path / "again.log", MONGODB_URI=server.patient_uri) as service:
            docs = service.get("/get", token).json["docs"]
    assert {doc["template"] for doc in docs} >= set(kept)


def test_the_service_recovers_by_itself_when_the_store_is_back(tmp_path: Path) -> None:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        with Service(tmp_path / "service.log", MONGODB_URI=server.uri) as service:
            token = service.log_in("alice")
            assert service.post("/create", {"template": "kept"}, token).status == 200
            server.kill()
            for path in ("/get", "/api/v1/templates", "/readyz"):
                away = service.get(path, token)
                assert away.status == 503, path
                assert int(away.headers["Retry-After"]) > 0
            assert service.get("/livez").status == 200
            server.start()
            back = wait_for(
                lambda: (a := service.get("/get", token)).status == 200 and a, "it recovers"
            )
    assert [doc["template"] for doc in back.json["docs"]] == ["kept"]

"""Streams are written as they are read, and end or break: nobody takes a part for the whole."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from django.http import StreamingHttpResponse
from pymongo import MongoClient
from pytest_django.fixtures import Settings

from templatesvc.api.streams import PIECE, StreamTooLong, streamed
from tests.answers import there
from tests.left_out import mostly_long
from tests.processes import PATIENCE, MongoServer, Service

COUNT = 200
VALUE = "x" * 90_000


class Stream:
    """An answer that is read as slowly as a test likes."""

    def __init__(self, service: Service, path: str, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.begun = self.response.read(100_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()

    def rest(self) -> bytes:
        """Return what else there is; raises IncompleteRead if the connection breaks."""
        return self.begun + self.response.read()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        yield server


def fill(server: MongoServer) -> None:
    with MongoClient[dict[str, Any]](server.uri) as client:
        rows = [{"profile": "alice", "template": f"{n} {VALUE}"} for n in range(COUNT)]
        client.get_default_database()["templates"].insert_many(rows)


def numbers(path: str, body: bytes) -> list[int]:
    """Return which templates are in an answer."""
    docs = json.loads(body)["docs"] if path == "/get" else map(json.loads, body.splitlines())
    return [int(doc["template"].partition(" ")[0]) for doc in docs]


PATHS = [*there("/get"), "/api/v1/templates/export"]


@pytest.mark.wire
@pytest.mark.parametrize("path", mostly_long(*PATHS))
def test_a_stream_outlasts_a_restart_of_the_store(
    path: str, server: MongoServer, tmp_path: Path
) -> None:
    with Service(tmp_path / "service.log", MONGODB_URI=server.patient_uri) as service:
        token = service.log_in("alice")
        fill(server)
        with Stream(service, path, token) as stream:
            server.kill()
            server.start()
            assert numbers(path, stream.rest()) == list(range(COUNT))


@pytest.mark.wire
@pytest.mark.parametrize("path", mostly_long(*reversed(PATHS)))
def test_a_stream_whose_store_is_gone_breaks(
    path: str, server: MongoServer, tmp_path: Path
) -> None:
    settings = {"MONGODB_URI": server.patient_uri, "STREAM_SILENCE": "1s"}
    with Service(tmp_path / "service.log", **settings) as service:
        token = service.log_in("alice")
        fill(server)
        with Stream(service, path, token) as stream:
            server.kill()
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                stream.rest()
        assert service.get("/livez").status == 200


def test_a_stream_ends_with_its_lifetime(settings: Settings) -> None:
    settings.STREAM_LIFETIME = timedelta(0)
    answer = streamed(iter([b"x" * PIECE] * 3), "text/plain")
    with pytest.raises(StreamTooLong):
        answer.getvalue()


def test_pieces_are_worth_sending_and_lose_nothing() -> None:
    parts = [bytes([number % 256]) * number for number in range(1000)]
    answer = streamed(iter(parts), "text/plain")
    assert isinstance(answer, StreamingHttpResponse)
    pieces = list(answer)
    assert b"".join(pieces) == b"".join(parts)
    assert all(len(piece) >= PIECE for piece in pieces[:-1])


@pytest.mark.long
@pytest.mark.wire
def test_what_is_short_has_a_length(server: MongoServer, tmp_path: Path) -> None:
    with Service(tmp_path / "service.log", MONGODB_URI=server.patient_uri) as service:
        token = service.log_in("alice")
        for path, body in zip(reversed(PATHS), ("", '{"docs":[]}'), strict=False):
            answer = service.get(path, token)
            assert (answer.text, answer.headers["Content-Length"]) == (body, str(len(body)))

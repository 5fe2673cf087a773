"""How long a request waits for the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pymongo import MongoClient, _csot

from templatesvc.api import deadlines
from templatesvc.api.deadlines import (
    AWAY_SECONDS,
    FIRST_SECONDS,
    LARGE_BODY,
    LARGE_SECONDS,
    REFUSAL_SECONDS,
    RequestDeadlineMiddleware,
    RequestDeadlines,
)
from templatesvc.mongo import store
from tests.processes import PATIENCE, free_port


@pytest.mark.parametrize(
    ("uri", "seconds"),
    [("mongodb://x/", LARGE_SECONDS), ("mongodb://x/?timeoutMS=60000", 60)],
)
def test_a_large_request_has_longer_for_all_its_operations(
    uri: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float | None] = []

    def get_response(_: HttpRequest) -> HttpResponse:
        times.append(_csot.get_timeout())
        return HttpResponse()

    with MongoClient[dict[str, Any]](uri, connect=False) as client:
        monkeypatch.setattr(store, "_client", client)
        for length in ("", "0", str(LARGE_BODY), str(LARGE_BODY + 1)):
            request = RequestFactory().post("/", CONTENT_LENGTH=length)
            RequestDeadlineMiddleware(get_response)(request)
    assert times == [None, None, None, seconds]


@pytest.fixture
def _away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The client of this process has looked for a primary, and there is none."""
    uri = f"mongodb://127.0.0.1:{free_port()}/"
    with MongoClient[dict[str, Any]](uri) as client:
        until = time.monotonic() + PATIENCE
        while not store.is_away(client.topology_description):
            assert time.monotonic() < until
            time.sleep(0.01)
        monkeypatch.setattr(store, "_client", client)
        yield


@pytest.mark.usefixtures("_away")
def test_without_a_primary_one_request_at_a_time_looks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(monotonic=lambda: 1000.0)
    monkeypatch.setattr(deadlines, "time", clock)
    waiting = RequestDeadlines()

    def seconds(moment: float, is_large: bool = False) -> float | None:
        clock.monotonic = lambda: moment
        with waiting.of_request(is_large) as allowed:
            return allowed

    news = 1000.0
    assert seconds(news) == seconds(news + AWAY_SECONDS * 0.9, is_large=True) == FIRST_SECONDS
    clock.monotonic = lambda: news + AWAY_SECONDS * 1.1
    with waiting.of_request(is_large=False) as of_scout, waiting.of_request(False) as of_other:
        assert (of_scout, of_other) == (AWAY_SECONDS, REFUSAL_SECONDS)
    assert seconds(news + 60) == AWAY_SECONDS, "the next looks for it"

    away = store._client
    monkeypatch.setattr(store, "_client", None)
    assert seconds(news + 61) is None
    monkeypatch.setattr(store, "_client", away)
    assert seconds(news + 3600) == FIRST_SECONDS, "it is news again"

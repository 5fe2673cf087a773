"""How long a request waits for the store."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pymongo import MongoClient, _csot

from templatesvc.api.deadlines import LARGE_BODY, LARGE_SECONDS, RequestDeadlineMiddleware
from templatesvc.mongo import store


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

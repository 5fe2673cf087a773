"""Pages of documents that this service would not write, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from bson import Binary, Decimal128, ObjectId

from templatesvc.mongo import store
from tests.conftest import Person


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        [],
        {},
        float("nan"),
        {"price": float("inf")},
        {"id": ObjectId()},
        {"money": Decimal128("1.5")},
        {"bytes": Binary(b"\xff\x00", 128)},
    ],
)
def test_a_page_shows_whatever_another_program_stored(alice: Person, value: Any) -> None:
    stored = {"_id": ObjectId(), "profile": "alice", "template": value}
    store.database()["templates"].insert_one(stored)
    for path in ("/api/v1/templates", f"/api/v1/templates/{stored['_id']}"):
        response = alice.client.get(path, HTTP_ACCEPT="text/html")
        assert response.status_code == 200, path


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("body", ["[1]", "{", "text"])
def test_a_page_tells_of_a_refusal_whatever_was_sent(method: str, body: str, alice: Person) -> None:
    for media_type in ("application/json", "text/plain"):
        response = getattr(alice.client, method)(
            f"/api/v1/templates/{ObjectId()}",
            body,
            content_type=media_type,
            HTTP_ACCEPT="text/html",
        )
        assert 400 <= response.status_code < 500

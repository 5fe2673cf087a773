"""Pages of documents that this service would not write, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from bson import Binary, Decimal128, ObjectId

from templatesvc import store
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

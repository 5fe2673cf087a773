"""The Flask service's routes while a password has to be changed."""

from __future__ import annotations

import pytest

from accounts.documents import User
from tests.accounts.callers import caller, tokens_of
from tests.conftest import Person


@pytest.mark.parametrize("path", ["create", "update", "delete"])
def test_the_flask_routes_say_so_too(path: str, alice: Person) -> None:
    alice.user.set_password("temporary-1", must_change=True)
    token = tokens_of("alice", "temporary-1")["access_token"]
    answer = caller(token).post(f"/{path}", {"template": "x"})
    assert answer.status_code == 403
    assert set(answer.json()) == {"msg"}
    assert "change your password" in answer.json()["msg"]


@pytest.mark.parametrize("value", ["yes", 1, [], {"$ne": 1}])
def test_what_the_flask_service_let_in_there_counts_for_nothing(value: object) -> None:
    user = User.register("mallory", "mallory-1")
    User._get_collection().update_one({"_id": user.id}, {"$set": {"must_change_password": value}})
    token = tokens_of("mallory", "mallory-1")["access_token"]
    assert caller(token).get("/api/v1/templates").status_code == 200

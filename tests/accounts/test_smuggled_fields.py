"""Users whose registration at the Flask service brought fields of ours along."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bson import ObjectId
from rest_framework.test import APIClient

from accounts.documents import User
from tests.conftest import Person

ODD = {
    "is_superuser": True,
    "is_staff": True,
    "is_active": "no",
    "token_version": [],
    "date_joined": 5,
    "last_login": {"$date": "x"},
    "strong_password": 7,
    "strong_password_seal": None,
    "_cls": "Template",
    "objects": "x",
    "save": "x",
    "_data": {"id": 1},
    "session": "x",
}
IDS = [5, "a", "5f" * 12, {"a": 1}, 1.5, True, ObjectId()]


def smuggle(**fields: Any) -> APIClient:
    """Store mallory as the Flask service would have, and log in."""
    password = hashlib.sha256(b"mallory-1").hexdigest()
    User._get_collection().insert_one({"username": "mallory", "password": password} | fields)
    client = APIClient(raise_request_exception=False)
    body = {"username": "mallory", "password": "mallory-1"}
    answer = client.post("/api/v1/login", body)
    assert answer.status_code == 200, answer.content
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    return client


@pytest.mark.parametrize("id", IDS, ids=repr)
def test_they_log_in_and_work_and_are_no_operators(id: Any) -> None:
    client = smuggle(_id=id, **ODD)
    assert client.get("/api/v1/users/me").json()["username"] == "mallory"
    assert client.post("/create", {"template": "x"}).status_code == 200
    assert client.get("/get").json() == {"docs": [{"profile": "mallory", "template": "x"}]}
    assert client.get("/api/v1/templates").status_code == 200
    assert len(client.get("/api/v1/sessions").json()["results"]) == 1
    user = User.named("mallory")
    assert user and user.id == id and user.password.startswith("argon2")
    assert not user.is_staff
    assert not user.is_superuser
    passwords = {"current_password": "mallory-1", "new_password": "mallory-2"}
    assert client.post("/api/v1/users/me/password", passwords).status_code == 200
    assert client.get("/get").status_code == 401


@pytest.mark.parametrize("name", ["pk", "id"])
def test_nobody_becomes_another_by_a_field(name: str, alice: Person) -> None:
    client = smuggle(**{name: alice.user.id}, **ODD)
    assert client.delete("/api/v1/users/me").status_code == 204
    assert User.named("mallory") is None
    assert alice.client.get("/api/v1/users/me").json()["username"] == "alice"


@pytest.mark.parametrize("value", ["no", 0, None, [], {}])
def test_only_what_this_service_writes_deactivates(value: Any) -> None:
    assert smuggle(is_active=value).get("/get").status_code == 200

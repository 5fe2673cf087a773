"""Users whose registration at the Flask service brought fields of ours along."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from bson import ObjectId
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.operators import Role
from accounts.sessions import SessionStore
from tests.accounts.flask.people import register_at_flask
from tests.accounts.operators import operators_browser, page_of
from tests.conftest import Person

pytestmark = pytest.mark.store

ODD = {
    "is_superuser": True,
    "is_staff": True,
    "is_active": "no",
    "token_version": [],
    "date_joined": 5,
    "last_login": {"$date": "x"},
    "sessions_at_most": "none",
    "strong_password": 7,
    "strong_password_seal": None,
    "_cls": "Template",
    "objects": "x",
    "save": "x",
    "_data": {"id": 1},
    "session": "x",
}
IDS = [None, 5, "a", "5f" * 12, {"a": 1}, 1.5, True, ObjectId("5f" * 12)]


def smuggle(**fields: Any) -> APIClient:
    """Store mallory as the Flask service would have, and log in."""
    register_at_flask("mallory", "mallory-1", **fields)
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
    assert client.get("/api/v1/templates").status_code == 401


@pytest.mark.parametrize("name", ["pk", "id"])
def test_nobody_becomes_another_by_a_field(name: str, alice: Person) -> None:
    client = smuggle(**{name: alice.user.id}, **ODD)
    assert client.delete("/api/v1/users/me").status_code == 204
    assert User.named("mallory") is None
    assert alice.client.get("/api/v1/users/me").json()["username"] == "alice"


@pytest.mark.parametrize("value", ["no", 0, None, [], {}])
def test_only_what_this_service_writes_deactivates(value: Any) -> None:
    assert smuggle(is_active=value).get("/api/v1/templates").status_code == 200


@pytest.mark.parametrize("id", IDS, ids=repr)
def test_operators_and_commands_reach_whatever_id(id: Any) -> None:
    smuggle(_id=id)
    mallory = User.named("mallory")
    assert mallory
    root = operators_browser()
    for page in ("change", "deactivate", "erase"):
        assert root.get(page_of(mallory, page)).status_code == 200
    mallory.appoint(Role.STAFF)
    assert mallory.is_staff
    assert not User(id=ObjectId(), username="mallory").is_staff
    call_command("endsessions", "mallory", stdout=StringIO())
    assert Session.of(mallory).count() == 0
    call_command("deactivateuser", "mallory", stdout=StringIO())
    assert User._get_collection().count_documents({"is_active": False}) == 1


def test_a_null_id_has_no_part_in_the_sessions_of_nobody() -> None:
    """A browser's session of somebody who is not logged in has no user's id, which is like null."""
    nobodys = SessionStore()
    nobodys.create()
    client = smuggle(_id=None)
    assert len(client.get("/api/v1/sessions").json()["results"]) == 1
    assert client.post("/api/v1/logout/all").status_code == 204
    assert nobodys.exists(nobodys.session_key)

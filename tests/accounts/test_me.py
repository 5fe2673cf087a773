"""GET and DELETE /api/v1/users/me"""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.operators import Operators, Role
from templates_app.documents import Template
from templatesvc.api.notation import format_time
from tests.conftest import Person, heir_of

pytestmark = pytest.mark.store

ME = "/api/v1/users/me"


def test_a_user_reads_their_account(alice: Person) -> None:
    response = alice.client.get(ME)

    assert response.status_code == 200
    assert response.json() == {
        "username": "alice",
        "date_joined": format_time(alice.user.date_joined),
        "last_login": None,
        "quota": {
            "documents": 0,
            "bytes": 0,
            "max_documents": 100_000,
            "max_bytes": 1024**3,
        },
    }


def test_reading_needs_a_token(client: APIClient) -> None:
    response = client.get(ME)

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "not_authenticated"


def test_deleting_needs_a_token(client: APIClient, alice: Person) -> None:
    assert client.delete(ME).status_code == 401
    assert User.named("alice")


def test_a_deleted_user_takes_along_all_that_is_theirs_and_nothing_else(
    alice: Person, bob: Person
) -> None:
    alice.user.appoint(Role.STAFF)
    Template.create(alice.name, {"template": "alice's"})
    Template.create(alice.name, {"template": {"kind": "book"}})
    kept = Template.create(bob.name, {"template": "bob's"})

    response = alice.client.delete(ME)

    assert response.status_code == 204
    assert response.content == b""
    assert [user.username for user in User.objects.not_erased()] == ["bob"]
    assert [template.id for template in Template.objects] == [kept.id]
    assert [session.username for session in Session.objects] == ["bob"]
    assert Operators.current().people == []
    assert bob.client.get(ME).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ME), ("delete", ME), ("get", "/api/v1/templates")],
)
def test_the_token_of_the_deleted_is_refused(method: str, path: str, alice: Person) -> None:
    alice.client.delete(ME)

    response: Any = getattr(alice.client, method)(path)
    assert response.status_code == 401
    assert response.json()["detail"] == "This session has ended. Log in again."


def test_who_registers_the_name_of_the_deleted_is_somebody_else(alice: Person) -> None:
    Template.create(alice.name, {"template": "alice's"})
    alice.client.delete(ME)
    another = heir_of(alice)

    assert alice.client.get(ME).status_code == 401
    assert another.client.get("/api/v1/templates").json()["results"] == []

"""POST /api/v1/users"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from rest_framework.test import APIClient

from accounts.documents import User
from templatesvc.settings import STRICT_PASSWORD_VALIDATORS
from tests.answers import told
from tests.conftest import Person

pytestmark = pytest.mark.store

CAROL = {"username": "carol", "password": "sings-carols-3"}


def register(client: APIClient, **fields: Any) -> Any:
    return client.post("/api/v1/users", CAROL | fields, format="json")


def test_a_new_user_is_registered(client: APIClient) -> None:
    response = register(client)

    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    assert User.named("carol")


def test_the_password_is_kept_as_an_argon2_hash(client: APIClient) -> None:
    register(client)

    user = User.named("carol")
    assert user
    assert identify_hasher(user.password).algorithm == "argon2"
    assert user.check_password(CAROL["password"])


def test_a_name_is_registered_once(client: APIClient, alice: Person) -> None:
    response = register(client, username="alice")

    assert response.status_code == 409
    assert told(response) == "Username already exists"
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["Alice", "ALICE", "al ice", "àlice", "\u0430lice"])
def test_a_name_that_only_looks_like_another_is_another(
    name: str, client: APIClient, alice: Person
) -> None:
    assert register(client, username=name).status_code == 201
    assert User.named(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "c"},
        {"username": "c" * 150},
        {"username": "日本語 العربية"},
        {"username": "Ada  King, Countess of Lovelace"},
        {"username": "a/b?c=d&e#f%00"},
        {"username": "$ne"},
        {"password": "1"},
        {"password": "p" * 128},
        {"password": "  spaces are kept  "},
        {"password": "🦜" * 128},
    ],
    ids=str,
)
def test_what_is_registered_logs_in(fields: dict[str, str], client: APIClient) -> None:
    assert register(client, **fields).status_code == 201
    assert client.post("/api/v1/login", CAROL | fields, format="json").status_code == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"username": ""}, "username: This field may not be blank."),
        ({"username": None}, "username: This field may not be null."),
        ({"username": 5}, "username: Not a valid string."),
        (
            {"username": "c" * 151},
            "username: Ensure this field has no more than 150 characters.",
        ),
        ({"username": "car\0ol"}, "username: Null characters are not allowed."),
        ({"username": "car\nol"}, "username: Control characters are not allowed."),
        ({"username": "car\x7fol"}, "username: Control characters are not allowed."),
        ({"username": "car\x85ol"}, "username: Control characters are not allowed."),
        ({"password": ""}, "password: This field may not be blank."),
        ({"password": None}, "password: This field may not be null."),
        ({"password": 1234}, "password: Not a valid string."),
        (
            {"password": "p" * 129},
            "password: Ensure this field has no more than 128 characters.",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_registered_is_refused_by_name(
    fields: dict[str, Any], message: str, client: APIClient
) -> None:
    response = register(client, **fields)

    assert response.status_code == 400
    assert message in told(response)
    assert User.objects.count() == 0


def test_a_surrogate_in_a_name_is_refused(client: APIClient) -> None:
    body = '{"username": "\\ud800", "password": "x"}'
    response = client.post("/api/v1/users", body, content_type="application/json")

    assert response.status_code == 400
    assert told(response).startswith("username: Surrogate characters are not allowed")


def test_fields_that_a_registration_has_no_use_for_are_not_stored(client: APIClient) -> None:
    rights = {"is_superuser": True, "is_staff": True, "_id": 7, "is_active": False}
    assert register(client, **rights).status_code == 201

    (stored,) = User._get_collection().find()
    assert stored["_id"] != 7
    assert not set(stored) & {"is_superuser", "is_staff"}
    assert stored["is_active"] is True


def test_a_strict_policy_refuses_weak_passwords(client: APIClient, settings: Any) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = STRICT_PASSWORD_VALIDATORS
    response = register(client, password="1234")

    assert response.status_code == 400
    assert told(response).startswith("password: This password is too short.")
    assert register(client).status_code == 201

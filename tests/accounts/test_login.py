"""POST /api/v1/login"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from rest_framework.test import APIClient

from accounts.documents import User
from templatesvc.mongo.clock import now
from tests.answers import told
from tests.conftest import Person


def log_in(client: APIClient, username: Any, password: Any) -> Any:
    return client.post("/api/v1/login", {"username": username, "password": password}, format="json")


def test_a_login_answers_with_tokens(client: APIClient, alice: Person, settings: Any) -> None:
    response = log_in(client, "alice", alice.password)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert set(body) == {"access_token", "refresh_token", "expires_in"}
    assert body["expires_in"] == settings.ACCESS_TOKEN_LIFETIME.total_seconds() == 86400


def test_a_token_names_its_user_as_the_flask_services_did(client: APIClient, alice: Person) -> None:
    token = log_in(client, "alice", alice.password).json()["access_token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "alice"
    assert claims["type"] == "access"
    assert claims["exp"] - claims["iat"] == 86400


def test_the_token_lets_its_user_in(client: APIClient, alice: Person) -> None:
    token = log_in(client, "alice", alice.password).json()["access_token"]

    response = client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["username"] == "alice"


def test_the_time_of_a_login_is_noted(client: APIClient, alice: Person) -> None:
    log_in(client, "alice", alice.password)

    last_login = User.objects.get(username="alice").last_login
    assert timedelta() <= now() - last_login < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "wonderland-1 "),
        ("Alice", "wonderland-1"),
        ("nobody", "wonderland-1"),
        ("", "wonderland-1"),
        ("alice" * 1000, "wonderland-1"),
        ("alice", "wonderland-1" * 1000),
        ("alice\0", "wonderland-1"),
        ("alice", "wonderland-1\0"),
        ("alice\0bob", "wonderland-1\0"),
    ],
    ids=lambda value: value[:20],
)
def test_wrong_credentials_are_refused_alike(
    username: str, password: str, client: APIClient, alice: Person
) -> None:
    response = log_in(client, username, password)

    assert response.status_code == 401
    assert told(response) == "The username or password is incorrect"
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/api-auth/login", "/admin/login"])
@pytest.mark.parametrize("field", ["username", "password"])
def test_the_pages_refuse_nul_and_say_so(
    path: str, field: str, client: APIClient, alice: Person
) -> None:
    form = {"username": "alice", "password": alice.password}
    response = client.post(path, form | {field: form[field] + "\0"}, format="multipart")
    assert response.status_code == 200
    assert "Null characters are not allowed." in response.content.decode()


def test_an_inactive_user_is_refused_as_a_wrong_password_is(
    client: APIClient, alice: Person
) -> None:
    User.objects(username="alice").update_one(set__is_active=False)
    response = log_in(client, "alice", alice.password)

    assert response.status_code == 401
    assert told(response) == "The username or password is incorrect"


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize(
    "value", [{"$ne": None}, {"$gt": ""}, {"$regex": "."}, ["alice"], 5, True, None], ids=repr
)
def test_an_operator_is_no_name_and_no_password(
    field: str, value: Any, client: APIClient, alice: Person
) -> None:
    credentials = {"username": "alice", "password": alice.password} | {field: value}
    response = log_in(client, **credentials)

    assert response.status_code == 400
    assert told(response).startswith(f"{field}: ")

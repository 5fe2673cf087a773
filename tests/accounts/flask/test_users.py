"""Registration, on the path of the operators' list of users."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.accounts.test_users import USERS


def test_the_flask_services_registration_stands_on_the_same_path(client: APIClient) -> None:
    answer = client.post(USERS, {"username": "carol", "password": "1234"})
    assert (answer.status_code, answer.json()) == (201, {"msg": "User created successfully"})
    answer = client.post(USERS, {"username": "carol", "password": "1234"})
    assert (answer.status_code, answer.json()) == (409, {"msg": "Username already exists"})
    answer = client.put(USERS, {})
    assert (answer.status_code, set(answer.json())) == (405, {"msg"})
    assert client.post(f"{USERS}/", {"username": "dave", "password": "1"}).status_code == 201

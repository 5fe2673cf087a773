"""The three tests that the Flask service has of its own, as its clients see it."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

TEST1 = {"username": "test1", "password": "1234"}


def post(client: APIClient, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, body, format="json")


def test_the_greeting_is_there(client: APIClient) -> None:
    assert client.get("/").status_code == 200


def test_test1_registers_once(client: APIClient) -> None:
    statuses = [post(client, "/api/v1/users", TEST1).status_code for _ in range(2)]

    assert statuses == [201, 409]


def test_test1_logs_in(client: APIClient) -> None:
    post(client, "/api/v1/users", TEST1)

    assert post(client, "/api/v1/login", TEST1).status_code == 200

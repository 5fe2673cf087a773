"""POST /api/v1/login for whom the Flask service registered."""

from __future__ import annotations

import hashlib

import pytest
from rest_framework.test import APIClient

from accounts.audit import AuditEntry
from accounts.documents import User
from tests.accounts.test_login import log_in


@pytest.mark.parametrize(
    ("username", "password"),
    [("nu\0l", "x"), ("\0", "\0"), ("carol", "pass\0word"), ("", ""), ("a\nb\x85", "\x7f")],
    ids=repr,
)
def test_any_text_that_the_flask_service_took_logs_in(
    username: str, password: str, client: APIClient
) -> None:
    digest = hashlib.sha256(password.encode()).hexdigest()
    User._get_collection().insert_one({"username": username, "password": digest})
    for _ in range(2):  # the first time hashes the password anew
        response = log_in(client, username, password)
        assert response.status_code == 200
    assert log_in(client, username, f"{password}\0").status_code == 401
    token = response.json()["access_token"]
    response = client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["username"] == username
    assert [entry.username for entry in AuditEntry.objects] == [username] * 3

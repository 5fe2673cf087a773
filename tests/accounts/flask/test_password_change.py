"""The change of a password that the Flask service stored."""

from __future__ import annotations

from accounts.documents import User
from tests.accounts.callers import (
    caller,
    me,
    tokens_of,
)
from tests.accounts.test_password_change import NEW


def test_a_user_of_the_flask_service_can_change_theirs() -> None:
    User._get_collection().insert_one(
        {
            "_id": {"odd": "id"},
            "username": "carol",
            # SHA-256 of "1234"
            "password": "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4",
            "token_version": [],
        }
    )
    tokens = tokens_of("carol", "1234")
    body = {"current_password": "1234", "new_password": NEW}
    answer = caller(tokens["access_token"]).post("/api/v1/users/me/password", body)
    assert answer.status_code == 200
    assert me(answer.json()["access_token"]) == 200
    assert me(tokens["access_token"]) == 401

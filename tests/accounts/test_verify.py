"""``POST /api/v1/token/verify``: whether a token would be let in right now."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.documents import Session
from tests.accounts.callers import after, claims, post, refresh, verify
from tests.conftest import Person

TYPES = ["access_token", "refresh_token"]


@pytest.mark.parametrize("type_", TYPES)
def test_a_token_of_either_type_is_good(alice: Person, type_: str) -> None:
    answer = post("token/verify", {"token": alice.tokens[type_]})
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize("type_", TYPES)
def test_a_token_of_an_ended_session_is_not(alice: Person, type_: str) -> None:
    Session.end(claims(alice.tokens[type_])["sid"])
    answer = post("token/verify", {"token": alice.tokens[type_]})
    assert answer.status_code == 401
    assert answer.json()["code"] == "session_ended"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_expired_token_is_not(alice: Person) -> None:
    with after(days=1, seconds=1):
        assert verify(alice.tokens["access_token"]) == 401
        assert verify(alice.tokens["refresh_token"]) == 200


def test_a_spent_refresh_token_is_good_for_the_time_of_grace(alice: Person) -> None:
    refresh(alice.tokens["refresh_token"])
    assert verify(alice.tokens["refresh_token"]) == 200
    with after(seconds=31):
        assert verify(alice.tokens["refresh_token"]) == 401


def test_verifying_spends_nothing_and_ends_nothing(alice: Person) -> None:
    new = refresh(alice.tokens["refresh_token"]).json()
    with after(seconds=31):
        verify(alice.tokens["refresh_token"])
        assert verify(new["refresh_token"]) == 200
        assert refresh(new["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", [1, None, [], {}, {"$gt": ""}], ids=repr)
def test_what_is_no_text_is_a_400(token: Any) -> None:
    assert post("token/verify", {"token": token}).status_code == 400


@pytest.mark.parametrize("token", ["x", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_a_401(token: str) -> None:
    assert verify(token) == 401


def test_a_field_whose_name_is_no_unicode_is_a_400(client: Any) -> None:
    body = r'{"token": "x", "\ud800": 1}'
    answer = client.generic("POST", "/api/v1/token/verify", body, content_type="application/json")
    assert answer.status_code == 400

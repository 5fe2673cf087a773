"""Tokens of the Flask service, and those that it reads."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.documents import User
from tests.accounts.test_tokens import (
    CLAIMS,
    claiming,
    claims_of,
    odd_values,
    refusal,
    send,
    statuses,
)
from tests.conftest import Person


def flasks(person: Person, **changes: Any) -> str:
    """Return a token as the Flask service makes it, with some claims changed."""
    claims = claims_of(person)
    kept = {name: claims[name] for name in ("sub", "type", "jti", "iat", "exp")}
    made = kept | {"nbf": claims["iat"], "fresh": False, "csrf": "c"} | changes
    payload = jwt.api_jwt.json.dumps(made).encode()
    return jwt.api_jws.encode(payload, settings.JWT_SECRET_KEY, "HS256")


@pytest.mark.parametrize("exp", [10**400, 10**30, 1e30, -(10**400), 253_402_300_800])
def test_side_by_side_a_token_that_expires_beyond_any_calendar_is_refused(
    exp: float, alice: Person
) -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        assert send("GET", "/get", f"Bearer {flasks(alice)}").status_code == 200
        assert refusal(send("GET", "/get", f"Bearer {flasks(alice, exp=exp)}"))
        assert send("POST", "/api/v1/logout", f"Bearer {flasks(alice, exp=exp)}").status_code < 500


@pytest.mark.parametrize("claim", [*CLAIMS])
def test_side_by_side_no_claim_makes_an_error_of_the_service(claim: str) -> None:
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        for value, person in odd_values():
            found = set(statuses(flasks(person, **{claim: value})))
            assert found <= {200, 201, 204, 400, 401, 404, 405, 409}, (value, found)


def test_side_by_side_a_token_that_was_issued_later_than_now_is_refused(alice: Person) -> None:
    """Ending the sessions would not end it."""
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        for ahead, status in ((5, 200), (3600, 401)):
            token = flasks(alice, iat=int(time.time()) + ahead)
            assert send("GET", "/get", f"Bearer {token}").status_code == status


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (0, 401), (1, 200)])
def test_side_by_side_a_token_is_refused_that_was_issued_before_the_sessions_were_ended(
    seconds: int, status: int, alice: Person
) -> None:
    """Or within that very second, of which nobody can tell."""
    alice.user.end_sessions()
    user = User.named(alice.name)
    assert user
    ended = int(user.sessions_ended_at.timestamp())
    with override_settings(FLASK_SIDE_BY_SIDE=True):
        token = flasks(alice, iat=ended + seconds)
        assert send("GET", "/get", f"Bearer {token}").status_code == status


def test_an_access_token_that_names_no_audience_is_let_in_while_its_session_stands(
    alice: Person, bob: Person
) -> None:
    """Those that are made side by side with the Flask service name none."""
    header = f"Bearer {claiming(aud=...)(alice, bob)}"
    assert send("GET", "/get", header).status_code == 200
    alice.user.end_sessions()
    assert refusal(send("GET", "/get", header))


@pytest.mark.parametrize("changes", [{}, {"exp": 10**400}])
def test_a_token_of_the_flask_service_is_refused_unless_it_runs(
    changes: dict[str, int], alice: Person
) -> None:
    for path in ("/get", "/api/v1/templates"):
        assert refusal(send("GET", path, f"Bearer {flasks(alice, **changes)}"))


def test_the_flask_routes_name_an_expired_token_and_another_scheme_as_ever(alice: Person) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        old = alice.client.get("/get")
    assert (old.status_code, old.json()) == (401, {"msg": "Token has expired"})
    other = APIClient().get("/get", HTTP_AUTHORIZATION="Token x")
    assert other.status_code == 401
    assert other.json()["msg"].startswith("Missing 'Bearer' type in 'Authorization' header.")

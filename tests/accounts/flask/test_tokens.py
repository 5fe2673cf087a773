"""Tokens of the Flask service, and those that it reads."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import override_settings

from tests.accounts.test_tokens import claiming, claims_of, refusal, send
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

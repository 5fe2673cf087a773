"""Somebody who was told to change their password."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.accounts.callers import browser, caller, log_in, post, tokens_of
from tests.conftest import Person
from tests.test_round_trips import Commands

TEMPORARY = "handed-over-1"
NEW = "through-the-looking-glass"


@pytest.fixture
def told(alice: Person) -> str:
    """An access token of alice's, whose password an operator has set."""
    alice.user.set_password(TEMPORARY, must_change=True)
    token: str = tokens_of("alice", TEMPORARY)["access_token"]
    return token


def test_their_sessions_of_before_have_ended(told: str, alice: Person) -> None:
    assert alice.client.get("/api/v1/templates").status_code == 401
    assert log_in("alice", alice.password).status_code == 401


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("path", ["users/me", "templates", "sessions", "templates/deleted"])
def test_they_may_do_nothing_else(path: str, method: str, told: str) -> None:
    answer = getattr(caller(told), method)(f"/api/v1/{path}")
    if answer.status_code != 405:
        assert answer.status_code == 403
        assert answer.json()["code"] == "password_change_required"


def test_after_the_change_all_is_as_before(told: str) -> None:
    body = {"current_password": TEMPORARY, "new_password": NEW}
    answer = post("users/me/password", body, told)
    assert answer.status_code == 200
    assert caller(answer.json()["access_token"]).get("/api/v1/templates").status_code == 200
    assert log_in("alice", NEW).status_code == 200


def test_the_same_password_is_no_change(told: str) -> None:
    body = {"current_password": TEMPORARY, "new_password": TEMPORARY}
    answer = post("users/me/password", body, told)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "new_password"
    assert caller(told).get("/api/v1/templates").status_code == 403


@pytest.mark.parametrize("path", ["logout", "logout/all"])
def test_they_may_log_out(path: str, told: str) -> None:
    assert post(path, {}, told).status_code == 204
    assert caller(told).get("/api/v1/templates").status_code == 401


def test_a_browser_shows_a_page_that_says_so(told: str) -> None:
    page: APIClient = browser("alice", TEMPORARY)
    answer = page.get("/api/v1/templates", HTTP_ACCEPT="text/html")
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "change your password" in text
    assert 'href="/api/v1/users/me/password"' in text


@pytest.mark.parametrize(
    "path",
    ["/problems", "/problems/not_found", "/problems/no", "/no", "/api/v1/no", "/api/v1/docs"],
)
def test_pages_for_everybody_say_so_as_well(told: str, path: str) -> None:
    page: APIClient = browser("alice", TEMPORARY)
    text = page.get(path, HTTP_ACCEPT="text/html").content.decode()
    assert "You have to change your password before anything else." in text
    assert 'href="/api/v1/users/me/password"' in text
    stranger = APIClient().get(path, HTTP_ACCEPT="text/html").content.decode()
    assert 'role="alert"' not in stranger


def test_who_is_to_change_it_at_the_next_login_logs_in_with_the_old_one(alice: Person) -> None:
    alice.user.force_password_change()
    assert alice.client.get("/api/v1/templates").status_code == 401
    token = tokens_of("alice", alice.password)["access_token"]
    assert caller(token).get("/api/v1/templates").status_code == 403


@pytest.mark.wire
def test_it_costs_no_round_trip(told: str, commands: Commands) -> None:
    caller(told).get("/api/v1/templates")
    assert [next(iter(command)) for command in commands] == ["aggregate"]

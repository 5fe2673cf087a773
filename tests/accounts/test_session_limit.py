"""How many sessions a person may have, by tokens and in browsers; races are in test_races.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from tests.accounts.callers import after, log_in, me
from tests.conftest import Person

pytestmark = pytest.mark.store


@pytest.fixture(autouse=True)
def _three(settings: Settings) -> None:
    settings.MAX_SESSIONS = 3


def token(person: Person) -> str:
    answer = log_in(person.name, person.password)
    assert answer.status_code == 200
    access: str = answer.json()["access_token"]
    return access


def superseded() -> list[str]:
    entries = AuditEntry.objects(action="session_superseded").order_by("id")
    return [entry.details["session"] for entry in entries]


def test_a_log_in_beyond_the_limit_ends_the_oldest_session(alice: Person, bob: Person) -> None:
    tokens = [alice.tokens["access_token"]]
    ids = [Session.of(alice.user).first().id]
    for minute in range(1, 5):
        with after(minutes=minute):
            tokens.append(token(alice))
            ids.append(Session.of(alice.user).first().id)
    assert [me(each) for each in tokens] == [401, 401, 200, 200, 200]
    assert superseded() == ids[:2]
    (entry, _) = AuditEntry.objects(action="session_superseded")
    assert (entry.username, entry.by, entry.ip) == ("alice", "alice", "127.0.0.1")
    assert me(bob.tokens["access_token"]) == 200


def test_one_that_was_ended_or_expired_makes_room(alice: Person, settings: Settings) -> None:
    first, second = token(alice), token(alice)
    alice.client.post("/api/v1/logout")
    for _ in range(4):
        third = token(alice)
        Session.of(alice.user).first().delete()
    third = token(alice)
    assert [me(each) for each in (first, second, third)] == [200, 200, 200]
    assert superseded() == []
    settings.REFRESH_TOKEN_LIFETIME *= 2
    with after(days=15):
        assert [me(token(alice)) for _ in range(3)] == [200] * 3
    assert superseded() == []


def test_a_browsers_session_counts_as_any_other(alice: Person) -> None:
    browsers = [Client() for _ in range(3)]
    body = {"username": "alice", "password": alice.password}
    for minute, browser in enumerate(browsers, start=1):
        with after(minutes=minute):
            assert browser.post("/api-auth/login", body).status_code == 302
    assert me(alice.tokens["access_token"]) == 401
    with after(minutes=4):
        token(alice)
    assert [each.get("/api/v1/users/me").status_code for each in browsers] == [401, 200, 200]
    assert len(superseded()) == 2


def test_a_lower_limit_holds_from_the_next_log_in_on(alice: Person, settings: Settings) -> None:
    settings.MAX_SESSIONS = 100
    for _ in range(5):
        token(alice)
    settings.MAX_SESSIONS = 2
    token(alice)
    assert Session.of(alice.user).count() == 2


@pytest.mark.parametrize("stored", [-(10**6), "x", None, 2.5, float("nan"), [], {"a": 1}, True])
def test_no_count_that_a_registration_brought_along_is_believed(stored: Any, alice: Person) -> None:
    User._get_collection().update_one({"username": "alice"}, {"$set": {"sessions_at_most": stored}})
    for _ in range(5):
        token(alice)
    assert Session.of(alice.user).count() == 3


@pytest.mark.wire
def test_an_ordinary_log_in_counts_nothing(
    alice: Person, settings: Settings, commands: list[dict[str, Any]]
) -> None:
    settings.MAX_SESSIONS = 100
    trips = []
    for _ in range(3):
        commands.clear()
        token(alice)
        sent = [next(iter(command)) for command in commands]
        trips.append([name for name in sent if name != "killCursors"])  # of what was before
    assert trips == [["find", "find", "find", "update", "insert", "insert"]] * 3


def test_a_browser_that_changes_the_person_keeps_to_the_limit(
    alice: Person, bob: Person, settings: Settings
) -> None:
    settings.MAX_SESSIONS = 1
    browser = Client()
    for person in (bob, alice):
        body = {"username": person.name, "password": person.password}
        assert browser.post("/api-auth/login", body).status_code == 302
    assert me(alice.tokens["access_token"]) == 401
    assert browser.get("/api/v1/users/me").json()["username"] == "alice"

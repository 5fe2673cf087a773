"""``POST /api/v1/token/refresh``: a refresh token buys a new pair, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.documents import Session
from tests.accounts.callers import after, caller, claims, me, post, refresh, verify
from tests.conftest import Person

pytestmark = pytest.mark.store


def reused_in_audit() -> list[Any]:
    return list(AuditEntry.objects(action="token_reused"))


def test_a_refresh_token_buys_a_new_pair(alice: Person) -> None:
    answer = refresh(alice.tokens["refresh_token"])
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "access_token": body["access_token"],
        "refresh_token": body["refresh_token"],
        "expires_in": 24 * 3600,
    }
    access, new = claims(body["access_token"]), claims(body["refresh_token"])
    old = claims(alice.tokens["refresh_token"])
    assert access == {
        "iss": "templatesvc",
        "aud": "templatesvc",
        "sub": "alice",
        "sid": old["sid"],
        "type": "access",
        "jti": access["jti"],
        "iat": access["iat"],
        "exp": access["iat"] + 24 * 3600,
    }
    assert new == old | {"jti": new["jti"], "iat": new["iat"], "exp": new["exp"]}
    assert new["jti"] != old["jti"]
    assert me(body["access_token"]) == 200


def test_the_new_pair_belongs_to_the_same_session(alice: Person) -> None:
    refresh(alice.tokens["refresh_token"])
    assert Session.objects.count() == 1


def test_an_access_token_of_before_is_good_until_it_expires(alice: Person) -> None:
    refresh(alice.tokens["refresh_token"])
    assert me(alice.tokens["access_token"]) == 200


def test_a_chain_of_refreshes_goes_on(alice: Person) -> None:
    token = alice.tokens["refresh_token"]
    for _ in range(5):
        token = refresh(token).json()["refresh_token"]
    assert verify(token) == 200


def test_a_refresh_notes_when_and_from_where_it_came(alice: Person) -> None:
    with after(minutes=1):
        refresh(alice.tokens["refresh_token"], HTTP_USER_AGENT="Tab/2", REMOTE_ADDR="192.0.2.7")
    session = Session.objects.get()
    assert (session.ip, session.user_agent) == ("192.0.2.7", "Tab/2")
    assert session.last_used_at - session.created_at >= timedelta(minutes=1)


def test_a_parallel_tab_gets_the_same_new_token_within_the_grace(alice: Person) -> None:
    first = refresh(alice.tokens["refresh_token"]).json()
    with after(seconds=10):
        second = refresh(alice.tokens["refresh_token"])
    assert second.status_code == 200
    assert claims(second.json()["refresh_token"])["jti"] == claims(first["refresh_token"])["jti"]
    assert me(second.json()["access_token"]) == 200
    assert not reused_in_audit()


def test_a_tab_that_is_two_refreshes_behind_gets_the_newest_token(alice: Person) -> None:
    first = refresh(alice.tokens["refresh_token"]).json()
    second = refresh(first["refresh_token"]).json()
    late = refresh(alice.tokens["refresh_token"]).json()
    assert claims(late["refresh_token"])["jti"] == claims(second["refresh_token"])["jti"]


def test_using_a_token_in_the_grace_does_not_prolong_the_grace(alice: Person) -> None:
    refresh(alice.tokens["refresh_token"])
    with after(seconds=10):
        assert refresh(alice.tokens["refresh_token"]).status_code == 200
    with after(seconds=35):
        assert refresh(alice.tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize("late", ["thief", "owner"])
def test_a_spent_token_used_later_ends_the_session_of_thief_and_owner(
    alice: Person, late: str
) -> None:
    """Whoever of the two comes later brings a token that the other has spent."""
    stolen = alice.tokens["refresh_token"]
    first = refresh(stolen, HTTP_USER_AGENT="owner" if late == "thief" else "thief").json()
    with after(seconds=31):
        answer = refresh(stolen, HTTP_USER_AGENT=late, REMOTE_ADDR="192.0.2.66")
        assert answer.status_code == 401
        assert answer.json() == {
            "type": "/problems/session_ended",
            "title": "Unauthorized",
            "status": 401,
            "detail": "This session has ended. Log in again.",
            "code": "session_ended",
        }
        assert refresh(first["refresh_token"]).status_code == 401
        assert me(first["access_token"]) == 401
        assert me(alice.tokens["access_token"]) == 401
    (entry,) = reused_in_audit()
    assert (entry.username, entry.ip, entry.user_agent) == ("alice", "192.0.2.66", late)
    assert entry.by == ""  # for it may have been either
    assert entry.details == {"session": claims(stolen)["sid"]}


def test_a_theft_ends_no_other_session(alice: Person) -> None:
    other = post("login", {"username": "alice", "password": alice.password}).json()
    refresh(alice.tokens["refresh_token"])
    with after(seconds=31):
        refresh(alice.tokens["refresh_token"])
        assert me(other["access_token"]) == 200


def test_the_theft_is_audited_once_however_often_the_token_comes_again(alice: Person) -> None:
    refresh(alice.tokens["refresh_token"])
    with after(seconds=31):
        assert [refresh(alice.tokens["refresh_token"]).status_code for _ in range(3)] == [401] * 3
    assert len(reused_in_audit()) == 1


def test_without_a_grace_the_second_use_ends_the_session(alice: Person, settings: Settings) -> None:
    settings.REFRESH_TOKEN_GRACE = timedelta()
    first = refresh(alice.tokens["refresh_token"])
    assert first.status_code == 200
    assert refresh(alice.tokens["refresh_token"]).status_code == 401
    assert refresh(first.json()["refresh_token"]).status_code == 401


def test_without_a_grace_a_clock_that_is_behind_gives_none(
    alice: Person, settings: Settings
) -> None:
    settings.REFRESH_TOKEN_GRACE = timedelta()
    with after(seconds=5):
        refresh(alice.tokens["refresh_token"])
    assert refresh(alice.tokens["refresh_token"]).status_code == 401


def test_the_spent_tokens_kept_do_not_grow_for_ever(alice: Person) -> None:
    token = alice.tokens["refresh_token"]
    for minute in range(1, 4):
        with after(minutes=minute):
            token = refresh(token).json()["refresh_token"]
    assert len(Session.objects.get().spent) == 1


def test_a_refresh_prolongs_the_session(alice: Person) -> None:
    before = Session.objects.get().expires_at
    with after(days=7):
        refresh(alice.tokens["refresh_token"])
    assert abs(Session.objects.get().expires_at - before - timedelta(days=7)) < timedelta(minutes=1)


def test_a_session_that_is_not_refreshed_in_time_is_over(alice: Person) -> None:
    with after(days=14, seconds=1):
        assert refresh(alice.tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize(
    "token",
    ["", " ", "x", "a.b.c", "é.é.é", 1, None, True, ["a"], {"$ne": None}],
    ids=repr,
)
def test_what_is_no_token_is_refused(token: Any) -> None:
    assert refresh(token).status_code in (400, 401)


def test_what_is_no_text_is_refused_by_its_field() -> None:
    answer = refresh({"$ne": None})  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "refresh_token", "message": "Not a valid string.", "code": "invalid"}
    ]


def test_a_field_that_there_is_not_is_refused(alice: Person) -> None:
    body = {"refresh_token": alice.tokens["refresh_token"], "sid": "0" * 32}
    assert post("token/refresh", body).status_code == 400
    assert verify(alice.tokens["refresh_token"]) == 200


def test_an_access_token_does_not_refresh(alice: Person) -> None:
    assert refresh(alice.tokens["access_token"]).status_code == 401


def test_a_refresh_token_does_not_let_in(alice: Person) -> None:
    assert me(alice.tokens["refresh_token"]) == 401


def test_a_refresh_asks_for_no_access_token_and_minds_no_bad_one(alice: Person) -> None:
    answer = caller("expired").post(
        "/api/v1/token/refresh", {"refresh_token": alice.tokens["refresh_token"]}
    )
    assert answer.status_code == 200

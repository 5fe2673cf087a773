"""``POST /api/v1/users/me/password``."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import hashers
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from templatesvc.rates import Rate
from tests.accounts.callers import (
    after,
    browser,
    claims,
    log_in,
    me,
    post,
    refresh,
    tokens_of,
)
from tests.conftest import Person
from tests.failing import failing

NEW = "through-the-looking-glass"


def change(person: Person, current: Any = None, new: Any = NEW, **headers: str) -> Any:
    body = {"current_password": person.password if current is None else current}
    return post(
        "users/me/password", body | {"new_password": new}, person.tokens["access_token"], **headers
    )


def test_the_new_password_logs_in_and_the_old_one_does_not(alice: Person) -> None:
    answer = change(alice)
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "access_token": body["access_token"],
        "refresh_token": body["refresh_token"],
        "expires_in": 24 * 3600,
    }
    assert me(body["access_token"]) == 200
    assert refresh(body["refresh_token"]).status_code == 200
    assert log_in("alice", NEW).status_code == 200
    assert log_in("alice", alice.password).status_code == 401


def test_every_session_of_before_ends(alice: Person, bob: Person) -> None:
    other, page = tokens_of("alice", alice.password), browser("alice", alice.password)
    new = change(alice).json()
    for tokens in (alice.tokens, other):
        assert me(tokens["access_token"]) == 401
        assert refresh(tokens["refresh_token"]).status_code == 401
    assert page.get("/api/v1/users/me").status_code == 401
    assert [session.id for session in Session.objects(username="alice")] == [
        claims(new["access_token"])["sid"]
    ]
    assert me(bob.tokens["access_token"]) == 200


def test_a_browser_stays_logged_in_under_another_cookie(alice: Person) -> None:
    page = browser("alice", alice.password)
    cookie = page.cookies["sessionid"].value
    body = {"current_password": alice.password, "new_password": NEW}
    answer = page.post("/api/v1/users/me/password", body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert page.cookies["sessionid"].value != cookie
    assert page.get("/api/v1/users/me").status_code == 200
    page.cookies["sessionid"] = cookie
    assert page.get("/api/v1/users/me").status_code == 401
    assert me(alice.tokens["access_token"]) == 401


def test_another_page_can_not_change_it_in_a_browser(alice: Person) -> None:
    page = browser("alice", alice.password)
    page.credentials()
    body = {"current_password": alice.password, "new_password": NEW}
    assert page.post("/api/v1/users/me/password", body).status_code == 403
    assert log_in("alice", alice.password).status_code == 200


def test_the_change_is_audited_without_a_password(alice: Person) -> None:
    change(alice, HTTP_USER_AGENT="Phone/1", REMOTE_ADDR="192.0.2.1")
    (entry,) = AuditEntry.objects(action="password_changed")
    assert (entry.username, entry.ip, entry.user_agent) == ("alice", "192.0.2.1", "Phone/1")
    assert entry.details == {}


def test_a_wrong_current_password_is_refused_at_its_field(alice: Person) -> None:
    answer = change(alice, current="wrong")
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "/problems/invalid",
        "title": "Bad Request",
        "status": 400,
        "detail": "current_password: This is not your current password.",
        "code": "invalid",
        "errors": [
            {
                "field": "current_password",
                "message": "This is not your current password.",
                "code": "invalid",
            }
        ],
    }
    assert me(alice.tokens["access_token"]) == 200
    assert log_in("alice", alice.password).status_code == 200


def test_wrong_current_passwords_are_limited_apart_from_log_ins(alice: Person) -> None:
    assert [change(alice, current="wrong").status_code for _ in range(10)] == [400] * 10
    locked = change(alice)
    assert locked.status_code == 429
    assert locked.json()["code"] == "too_many_attempts"
    assert 0 < int(locked["Retry-After"]) <= 15 * 60
    assert log_in("alice", alice.password).status_code == 200
    with after(minutes=15, seconds=1):
        assert change(alice).status_code == 200


def test_a_lockout_ends_no_session(alice: Person, settings: Settings) -> None:
    settings.LOGIN_LIMIT_PER_USER = Rate.parse("1/15m")
    change(alice, current="wrong")
    assert me(alice.tokens["access_token"]) == 200


def test_a_change_after_another_change_is_refused(alice: Person) -> None:
    """Of two changes at the same time the later finds another password than it has checked."""
    stale = User.named("alice")
    assert stale
    assert alice.user.change_password(NEW)
    assert not stale.change_password("the-thiefs-own")
    assert log_in("alice", NEW).status_code == 200


def test_a_login_that_the_change_overtook_gives_a_session_worth_nothing(alice: Person) -> None:
    """It has checked the old password before the change and stores its session after it."""
    overtaken = User.named("alice")
    assert overtaken
    assert overtaken.check_password(alice.password)
    change(alice)
    late = Session.start(overtaken)
    assert User.of_session(late.id) is None
    assert late.id not in [session.id for session in Session.of(User.named("alice"))]


def test_a_browsers_login_that_the_change_overtook_is_worth_nothing(alice: Person) -> None:
    page = browser("alice", alice.password)
    cookie = page.cookies["sessionid"].value
    overtaken = Session.objects.order_by("-created_at").first()
    change(alice)
    overtaken.save(force_insert=True)
    page.cookies["sessionid"] = cookie
    assert page.get("/api/v1/users/me").status_code == 401


def test_the_same_password_again_is_a_change_too(alice: Person) -> None:
    answer = change(alice, new=alice.password)
    assert answer.status_code == 200
    assert me(alice.tokens["access_token"]) == 401
    assert me(answer.json()["access_token"]) == 200


@pytest.mark.parametrize("new", ["", "x" * 129, 1, None, ["x"], {"a": 1}, "\0"], ids=repr)
def test_a_password_that_can_not_be_is_refused_at_its_field(alice: Person, new: Any) -> None:
    answer = change(alice, new=new)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["new_password"]
    assert log_in("alice", alice.password).status_code == 200


@pytest.mark.parametrize("current", [1, ["x"], {"$ne": ""}], ids=repr)
def test_a_current_password_that_is_no_text_is_refused(alice: Person, current: Any) -> None:
    assert change(alice, current=current).status_code == 400


def test_a_current_password_may_hold_what_a_new_one_may_not(alice: Person) -> None:
    """The Flask service took any."""
    alice.user.set_password("pass\0word", must_change=False)
    token = tokens_of("alice", "pass\0word")["access_token"]
    body = {"current_password": "pass\0word", "new_password": NEW}
    assert post("users/me/password", body, token).status_code == 200
    assert log_in("alice", NEW).status_code == 200


def test_a_field_that_there_is_not_is_refused(alice: Person) -> None:
    body = {"current_password": alice.password, "new_password": NEW, "username": "bob"}
    answer = post("users/me/password", body, alice.tokens["access_token"])
    assert answer.status_code == 400
    assert log_in("alice", alice.password).status_code == 200


def test_strict_rules_hold_for_the_new_password(alice: Person, settings: Settings) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = settings.STRICT_PASSWORD_VALIDATORS
    for weak in ("short", "12345678", "password", "alice123"):
        answer = change(alice, new=weak)
        assert answer.status_code == 400, weak
        assert answer.json()["errors"][0]["code"] == "password_too_weak"
    assert change(alice).status_code == 200


def test_who_is_not_logged_in_is_refused() -> None:
    body = {"current_password": "x", "new_password": NEW}
    assert post("users/me/password", body).status_code == 401


def test_the_new_password_is_stored_as_a_hash_alone(alice: Person) -> None:
    change(alice)
    stored = User.named("alice")
    assert stored
    assert hashers.identify_hasher(stored.password).algorithm == "argon2"
    assert NEW not in str(User._get_collection().find_one({"username": "alice"}))


@pytest.mark.store
def test_sessions_that_can_not_be_deleted_are_ended_all_the_same(alice: Person) -> None:
    with failing("sessions.delete_many"):
        assert change(alice).status_code == 200
    assert Session.objects(username="alice").count() == 2
    assert me(alice.tokens["access_token"]) == 401
    assert log_in("alice", NEW).status_code == 200

"""``POST /api/v1/logout`` and ``/api/v1/logout/all``."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.audit import AuditEntry
from accounts.documents import Session
from tests.accounts.callers import (
    after,
    browser,
    caller,
    claims,
    me,
    post,
    refresh,
    tokens_of,
    verify,
)
from tests.conftest import Person

pytestmark = pytest.mark.store


def assert_ended(tokens: dict[str, Any]) -> None:
    assert me(tokens["access_token"]) == 401
    assert refresh(tokens["refresh_token"]).status_code == 401


def test_logging_out_by_bearer_ends_the_session(alice: Person) -> None:
    answer = post("logout", token=alice.tokens["access_token"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert_ended(alice.tokens)


def test_logging_out_by_refresh_token_ends_the_session(alice: Person) -> None:
    assert post("logout", {"refresh_token": alice.tokens["refresh_token"]}).status_code == 204
    assert_ended(alice.tokens)


def test_a_refresh_token_may_be_the_bearer_too(alice: Person) -> None:
    assert post("logout", token=alice.tokens["refresh_token"]).status_code == 204
    assert_ended(alice.tokens)


def test_a_spent_refresh_token_still_ends_its_session(alice: Person) -> None:
    new = refresh(alice.tokens["refresh_token"]).json()
    assert post("logout", {"refresh_token": alice.tokens["refresh_token"]}).status_code == 204
    assert_ended(new)


def test_two_tokens_end_two_sessions(alice: Person) -> None:
    other = tokens_of("alice", alice.password)
    body = {"refresh_token": other["refresh_token"]}
    assert post("logout", body, alice.tokens["access_token"]).status_code == 204
    assert_ended(alice.tokens)
    assert_ended(other)


@pytest.mark.parametrize("way", ["bearer", "refresh token"])
def test_logging_out_again_is_a_204_again(alice: Person, way: str) -> None:
    given: dict[str, Any] = {
        "bearer": {"token": alice.tokens["access_token"]},
        "refresh token": {"body": {"refresh_token": alice.tokens["refresh_token"]}},
    }[way]
    assert [post("logout", **given).status_code for _ in range(3)] == [204] * 3
    assert AuditEntry.objects(action="logged_out").count() == 1


def test_logging_out_after_the_end_of_all_sessions_is_a_204(alice: Person) -> None:
    post("logout/all", token=alice.tokens["access_token"])
    assert post("logout", token=alice.tokens["access_token"]).status_code == 204


def test_logging_out_ends_no_other_session(alice: Person, bob: Person) -> None:
    other = tokens_of("alice", alice.password)
    post("logout", token=alice.tokens["access_token"])
    assert me(other["access_token"]) == 200
    assert me(bob.tokens["access_token"]) == 200


def test_a_browser_logs_out_with_its_cookie(alice: Person) -> None:
    page = browser("alice", alice.password)
    assert page.post("/api/v1/logout").status_code == 204
    assert page.get("/api/v1/users/me").status_code == 401
    assert me(alice.tokens["access_token"]) == 200


@pytest.mark.parametrize("path", ["/api/v1/logout", "/api-auth/logout"])
def test_a_browser_that_logs_out_is_audited_once(alice: Person, path: str) -> None:
    page = browser("alice", alice.password, HTTP_USER_AGENT="Browser/1")
    (session,) = Session.objects(data__ne=None)
    for _ in range(2):
        page.post(path)
    (entry,) = AuditEntry.objects(action="logged_out")
    assert (entry.username, entry.by, entry.user_agent) == ("alice", "alice", "Browser/1")
    assert entry.details == {"session": session.id}


def test_another_page_can_not_log_a_browser_out(alice: Person) -> None:
    page = browser("alice", alice.password)
    page.credentials()  # without the CSRF token, which another page can't read
    assert page.post("/api/v1/logout").status_code == 403
    assert page.get("/api/v1/users/me").status_code == 200


def test_who_is_not_logged_in_and_names_no_session_is_refused() -> None:
    answer = post("logout")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
@pytest.mark.parametrize("way", ["bearer", "refresh token"])
def test_a_token_that_is_not_ours_is_refused(token: str, way: str) -> None:
    given: dict[str, Any] = (
        {"token": token} if way == "bearer" else {"body": {"refresh_token": token}}
    )
    assert post("logout", **given).status_code == 401


@pytest.mark.parametrize("token", [1, None, [], {}, ""], ids=repr)
def test_what_is_no_text_is_refused_and_ends_nothing(alice: Person, token: Any) -> None:
    answer = post("logout", {"refresh_token": token}, alice.tokens["access_token"])
    assert answer.status_code == 400
    assert me(alice.tokens["access_token"]) == 200


def test_a_token_that_has_expired_still_ends_what_it_stood_on(alice: Person) -> None:
    with after(days=1, seconds=1):
        assert me(alice.tokens["access_token"]) == 401
        assert verify(alice.tokens["refresh_token"]) == 200
        assert post("logout", token=alice.tokens["access_token"]).status_code == 204
        assert verify(alice.tokens["refresh_token"]) == 401


def test_an_access_token_that_has_expired_is_no_hindrance_beside_a_refresh_token(
    alice: Person,
) -> None:
    body = {"refresh_token": alice.tokens["refresh_token"]}
    with after(days=1, seconds=1):
        assert post("logout", body, alice.tokens["access_token"]).status_code == 204
        assert verify(alice.tokens["refresh_token"]) == 401


@pytest.mark.parametrize("way", ["bearer", "refresh token"])
def test_logging_out_of_a_session_that_is_over_by_itself_is_a_204(alice: Person, way: str) -> None:
    token = alice.tokens["refresh_token"]
    given: dict[str, Any] = (
        {"token": token} if way == "bearer" else {"body": {"refresh_token": token}}
    )
    with after(days=14, seconds=1):
        assert post("logout", **given).status_code == 204


def test_logging_out_everywhere_ends_all_sessions_of_the_caller_alone(
    alice: Person, bob: Person
) -> None:
    other, page = tokens_of("alice", alice.password), browser("alice", alice.password)
    answer = post("logout/all", token=alice.tokens["access_token"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert_ended(alice.tokens)
    assert_ended(other)
    assert page.get("/api/v1/users/me").status_code == 401
    assert me(bob.tokens["access_token"]) == 200
    assert {session.username for session in Session.objects} == {"bob"}


def test_who_has_logged_out_everywhere_can_log_in_again(alice: Person) -> None:
    post("logout/all", token=alice.tokens["access_token"])
    assert me(tokens_of("alice", alice.password)["access_token"]) == 200


def test_a_browser_logs_out_everywhere(alice: Person) -> None:
    page = browser("alice", alice.password)
    with after(minutes=6):  # when the session's last use is noted as well
        assert page.post("/api/v1/logout/all").status_code == 204
    assert page.get("/api/v1/users/me").status_code == 401
    assert me(alice.tokens["access_token"]) == 401


def test_another_page_can_not_log_a_browser_out_everywhere(alice: Person) -> None:
    page = browser("alice", alice.password)
    page.credentials()
    assert page.post("/api/v1/logout/all").status_code == 403
    assert page.get("/api/v1/users/me").status_code == 200


def test_logging_out_everywhere_asks_for_a_session_that_stands(alice: Person) -> None:
    assert post("logout/all").status_code == 401
    assert post("logout/all", token=alice.tokens["refresh_token"]).status_code == 401
    post("logout", token=alice.tokens["access_token"])
    assert post("logout/all", token=alice.tokens["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("path", "action"), [("logout", "logged_out"), ("logout/all", "logged_out_everywhere")]
)
def test_the_end_is_audited(alice: Person, path: str, action: str) -> None:
    headers = {"HTTP_USER_AGENT": "Phone/1", "REMOTE_ADDR": "192.0.2.9"}
    caller(alice.tokens["access_token"], **headers).post(f"/api/v1/{path}")
    (entry,) = AuditEntry.objects(action=action)
    assert (entry.username, entry.ip, entry.user_agent) == ("alice", "192.0.2.9", "Phone/1")
    sid = claims(alice.tokens["access_token"])["sid"]
    assert entry.details == ({"session": sid} if path == "logout" else {})

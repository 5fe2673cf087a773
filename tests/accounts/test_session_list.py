"""``GET /api/v1/sessions`` and ``DELETE /api/v1/sessions/{id}``: where somebody is logged in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from bson import ObjectId
from pytest_django import Settings

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.sessions import session_id
from templatesvc.api.notation import format_time
from templatesvc.mongo.clock import now
from tests.accounts.callers import after, browser, caller, claims, me, refresh, tokens_of, verify
from tests.conftest import Person

pytestmark = pytest.mark.store

PHONE = {"HTTP_USER_AGENT": "Phone/1", "REMOTE_ADDR": "192.0.2.1"}
LAPTOP = {"HTTP_USER_AGENT": "Laptop/2", "REMOTE_ADDR": "2001:db8::2"}

URL = "http://testserver/api/v1/sessions"


def listed(token: str, **headers: str) -> list[dict[str, object]]:
    answer = caller(token, **headers).get("/api/v1/sessions")
    assert answer.status_code == 200
    return answer.json()["results"]


def sid(token: str) -> str:
    return claims(token)["sid"]


def test_the_list_has_every_session_and_nothing_more(alice: Person, bob: Person) -> None:
    Session.objects(username="alice").delete()
    phone = tokens_of("alice", alice.password, **PHONE)["access_token"]
    with after(minutes=1):
        laptop = browser("alice", alice.password, **LAPTOP)
    older, newer = Session.objects(username="alice").order_by("created_at")
    answer = caller(phone, **PHONE).get("/api/v1/sessions")
    assert answer.status_code == 200
    assert answer.json() == {
        "results": [
            {
                "id": session_id(laptop.cookies["sessionid"].value),
                "created_at": format_time(newer.created_at),
                "last_used_at": format_time(newer.last_used_at),
                "expires_at": format_time(newer.expires_at),
                "user_agent": "Laptop/2",
                "ip": "2001:db8::2",
                "current": False,
                "url": f"{URL}/{session_id(laptop.cookies['sessionid'].value)}",
            },
            {
                "id": sid(phone),
                "created_at": format_time(older.created_at),
                "last_used_at": format_time(older.last_used_at),
                "expires_at": format_time(older.expires_at),
                "user_agent": "Phone/1",
                "ip": "192.0.2.1",
                "current": True,
                "url": f"{URL}/{sid(phone)}",
            },
        ]
    }


@pytest.mark.parametrize("query", ["limit=5", "ordering=ip", "format=json&format=json"])
def test_a_parameter_that_it_does_not_know_is_refused(alice: Person, query: str) -> None:
    answer = alice.client.get(f"/api/v1/sessions?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert alice.client.get("/api/v1/sessions?format=json").status_code == 200


def test_a_browser_sees_its_own_session_as_the_current_one(alice: Person) -> None:
    page = browser("alice", alice.password)
    sessions = page.get("/api/v1/sessions").json()["results"]
    current = [session["id"] for session in sessions if session["current"]]
    assert current == [session_id(page.cookies["sessionid"].value)]
    assert len(sessions) == 2


def test_the_list_gives_no_cookie_and_no_token_away(alice: Person) -> None:
    page = browser("alice", alice.password)
    text = caller(alice.tokens["access_token"]).get("/api/v1/sessions").content.decode()
    assert page.cookies["sessionid"].value not in text
    assert claims(alice.tokens["refresh_token"])["jti"] not in text


def test_ending_a_session_ends_its_tokens_at_once(alice: Person) -> None:
    other = tokens_of("alice", alice.password)
    answer = alice.client.delete(f"/api/v1/sessions/{sid(other['access_token'])}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert me(other["access_token"]) == 401
    assert refresh(other["refresh_token"]).status_code == 401
    assert me(alice.tokens["access_token"]) == 200


def test_ending_a_browsers_session_logs_it_out(alice: Person) -> None:
    page = browser("alice", alice.password)
    cookie = page.cookies["sessionid"].value
    assert alice.client.delete(f"/api/v1/sessions/{session_id(cookie)}").status_code == 204
    assert page.get("/api/v1/users/me").status_code == 401


def test_a_browser_ends_the_session_of_a_token(alice: Person) -> None:
    page = browser("alice", alice.password)
    path = f"/api/v1/sessions/{sid(alice.tokens['access_token'])}"
    assert page.delete(path).status_code == 204
    assert me(alice.tokens["access_token"]) == 401


def test_another_page_can_not_end_a_session_from_a_browser(alice: Person) -> None:
    page = browser("alice", alice.password)
    page.credentials()
    path = f"/api/v1/sessions/{sid(alice.tokens['access_token'])}"
    assert page.delete(path).status_code == 403
    assert me(alice.tokens["access_token"]) == 200


def test_one_can_end_the_session_that_one_is_in(alice: Person) -> None:
    path = f"/api/v1/sessions/{sid(alice.tokens['access_token'])}"
    assert alice.client.delete(path).status_code == 204
    assert me(alice.tokens["access_token"]) == 401


def test_ending_a_session_is_audited(alice: Person) -> None:
    path = f"/api/v1/sessions/{sid(alice.tokens['access_token'])}"
    caller(alice.tokens["access_token"], **PHONE).delete(path)
    (entry,) = AuditEntry.objects(action="session_ended")
    assert (entry.username, entry.ip, entry.user_agent) == ("alice", "192.0.2.1", "Phone/1")
    assert entry.details == {"session": sid(alice.tokens["access_token"])}


def test_somebody_elses_session_is_not_there(alice: Person, bob: Person) -> None:
    theirs = sid(bob.tokens["access_token"])
    answer = alice.client.delete(f"/api/v1/sessions/{theirs}")
    absent = alice.client.delete(f"/api/v1/sessions/{'0' * 32}")
    assert (answer.status_code, answer.json()) == (404, absent.json())
    assert me(bob.tokens["access_token"]) == 200
    assert theirs not in [session["id"] for session in listed(alice.tokens["access_token"])]


@pytest.mark.parametrize("name", ["x", "%00", "$ne", "%7B%22$ne%22:null%7D", "a" * 5000, "%ff"])
def test_an_odd_id_is_not_there(alice: Person, name: str) -> None:
    assert alice.client.delete(f"/api/v1/sessions/{name}").status_code == 404
    assert me(alice.tokens["access_token"]) == 200


@pytest.mark.parametrize("method", ["get", "delete"])
def test_who_is_not_logged_in_is_refused(alice: Person, method: str) -> None:
    path = "/api/v1/sessions"
    if method == "delete":
        path += f"/{sid(alice.tokens['access_token'])}"
    assert caller().generic(method.upper(), path).status_code == 401
    assert me(alice.tokens["access_token"]) == 200


@pytest.mark.usefixtures("_still_clock")
def test_the_last_use_is_noted_after_five_minutes_and_not_before(alice: Person) -> None:
    started = Session.objects.get()
    with after(minutes=4, seconds=50):
        caller(alice.tokens["access_token"], **PHONE).get("/api/v1/users/me")
        early = Session.objects.get()
    assert (early.last_used_at, early.ip, early.user_agent) == (started.last_used_at, "", "")
    with after(minutes=5, seconds=1):
        caller(alice.tokens["access_token"], **PHONE).get("/api/v1/users/me")
        late = Session.objects.get()
    assert (late.ip, late.user_agent) == ("192.0.2.1", "Phone/1")
    assert late.last_used_at - started.last_used_at >= timedelta(minutes=5)
    assert late.expires_at == started.expires_at


@pytest.mark.usefixtures("_still_clock")
def test_the_last_use_of_a_browser_is_noted_just_so(alice: Person) -> None:
    Session.objects.delete()
    page = browser("alice", alice.password, **PHONE)
    page.credentials(**LAPTOP)
    with after(minutes=4, seconds=50):
        page.get("/api/v1/users/me")
        assert Session.objects.get().user_agent == "Phone/1"
    with after(minutes=5, seconds=1):
        page.get("/api/v1/users/me")
        assert Session.objects.get().user_agent == "Laptop/2"


def test_a_very_long_user_agent_is_cut(alice: Person) -> None:
    token = tokens_of("alice", alice.password, HTTP_USER_AGENT="x" * 8_000)["access_token"]
    assert Session.objects.get(id=sid(token)).user_agent == "x" * 200


@pytest.mark.parametrize("kind", ["tokens", "browser"])
def test_an_expired_session_is_over_before_it_is_deleted(alice: Person, kind: str) -> None:
    page = browser("alice", alice.password)
    # The token itself is good for a day, and a TTL index deletes about once a minute.
    Session.objects.update(set__expires_at=now() - timedelta(milliseconds=1))
    if kind == "tokens":
        assert me(alice.tokens["access_token"]) == 401
        assert verify(alice.tokens["refresh_token"]) == 401
        assert refresh(alice.tokens["refresh_token"]).status_code == 401
    else:
        assert page.get("/api/v1/users/me").status_code == 401
    new = tokens_of("alice", alice.password)["access_token"]
    assert [session["id"] for session in listed(new)] == [sid(new)]


def test_no_refresh_takes_a_session_over_its_greatest_age(
    alice: Person, settings: Settings
) -> None:
    token, days = alice.tokens["refresh_token"], 0
    started = Session.objects.get().created_at
    while days + 13 < 90:
        days += 13
        with after(days=days):
            pair = refresh(token).json()
            token = pair["refresh_token"]
    session = Session.objects.get()
    assert session.expires_at == started + timedelta(days=90)
    assert claims(token)["exp"] <= session.expires_at.timestamp()
    with after(days=90):
        assert refresh(token).status_code == 401


def test_no_use_takes_a_browsers_session_over_its_greatest_age(alice: Person) -> None:
    Session.objects.delete()
    page = browser("alice", alice.password)
    started = Session.objects.get().created_at
    for days in range(13, 90, 13):
        with after(days=days):
            assert page.get("/api/v1/users/me").status_code == 200
    assert Session.objects.get().expires_at == started + timedelta(days=90)
    with after(days=90):
        assert page.get("/api/v1/users/me").status_code == 401


def test_a_greatest_age_that_was_shortened_holds_for_sessions_of_before(
    alice: Person, settings: Settings
) -> None:
    page = browser("alice", alice.password)
    with after(days=2):
        young = tokens_of("alice", alice.password)["access_token"]
        settings.SESSION_MAX_AGE = timedelta(days=1)
        assert page.get("/api/v1/users/me").status_code == 401
        assert refresh(alice.tokens["refresh_token"]).status_code == 401
        assert [session["id"] for session in listed(young)] == [sid(young)]


def test_a_browser_that_is_not_used_is_logged_out_after_two_weeks(alice: Person) -> None:
    page = browser("alice", alice.password)
    with after(days=14, seconds=1):
        assert page.get("/api/v1/users/me").status_code == 401


def test_an_access_token_never_outlives_its_session(alice: Person, settings: Settings) -> None:
    settings.SESSION_MAX_AGE = timedelta(days=14)
    with after(days=13, hours=23):
        pair = refresh(alice.tokens["refresh_token"]).json()
    assert 0 < pair["expires_in"] <= 3600
    assert claims(pair["access_token"])["exp"] <= Session.objects.get().expires_at.timestamp()


def test_somebody_of_the_same_name_as_a_deleted_user_sees_none_of_their_sessions(
    alice: Person,
) -> None:
    # As though the deletion had been cut short.
    User.objects(username="alice").delete()
    User(id=ObjectId(), username="alice", password=alice.user.password).save(force_insert=True)
    new = tokens_of("alice", alice.password)["access_token"]
    assert [session["id"] for session in listed(new)] == [sid(new)]
    assert me(alice.tokens["access_token"]) == 401


@pytest.mark.long
def test_the_list_is_of_the_hundred_newest(alice: Person) -> None:
    for _ in range(101):
        Session.start(alice.user)
    assert len(listed(alice.tokens["access_token"])) == 100

"""Every way a session starts, and every way it ends: two lists, to be read as prose.

Alice holds a phone, with tokens, and a laptop, with the cookie of a browser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from rest_framework.test import APIClient

from accounts import operations
from accounts.documents import Session, User
from accounts.operations import Actor
from accounts.operators import Role
from accounts.sessions import session_id
from tests.accounts.callers import (
    browser,
    caller,
    claims,
    log_in,
    me,
    post,
    refresh,
    tokens_of,
    verify,
)
from tests.conftest import Person

pytestmark = pytest.mark.store

PHONE, LAPTOP = "phone", "laptop"
NEW = "through-the-looking-glass"
CHANGE = {"current_password": "wonderland-1", "new_password": NEW}


@dataclass
class Held:
    """What alice holds."""

    clock: time_machine.Traveller
    older: dict[str, Any]  # the phone's first pair of tokens, whose refresh token is spent
    tokens: dict[str, Any]
    page: APIClient

    @property
    def access(self) -> str:
        return self.tokens["access_token"]

    @property
    def cookie(self) -> str:
        return self.page.cookies["sessionid"].value

    @property
    def ids(self) -> dict[str, str]:
        return {PHONE: claims(self.access)["sid"], LAPTOP: session_id(self.cookie)}

    @property
    def user(self) -> User:
        user = User.named("alice")
        assert user
        return user

    def wait(self, **time: float) -> None:
        self.clock.shift(timedelta(**time))

    def go_on(self) -> None:
        """Refresh the phone's tokens, and look at a page on the laptop."""
        self.tokens = refresh(self.tokens["refresh_token"]).json()
        self.page.get("/api/v1/users/me")

    def post_page(self, path: str, form: Any = None) -> Any:
        form = {**(form or {}), "csrfmiddlewaretoken": self.page.cookies["csrftoken"].value}
        return self.page.post(path, form, format="multipart")


@pytest.fixture
def held(alice: Person) -> Iterator[Held]:
    Session.objects.delete()
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        older = tokens_of("alice", alice.password)
        tokens = refresh(older["refresh_token"]).json()
        yield Held(clock, older, tokens, browser("alice", alice.password))


def let_in(device: str, held: Held, cookie: str) -> list[int]:
    """Return the statuses with which what a device holds is answered."""
    if device == LAPTOP:
        page = APIClient(raise_request_exception=False)
        page.cookies["sessionid"] = cookie
        return [page.get(f"/api/v1/{path}").status_code for path in ("users/me", "templates")]
    access = [held.tokens["access_token"], held.older["access_token"]]
    refreshing = [held.tokens["refresh_token"], held.older["refresh_token"]]
    return [*map(me, access), *map(verify, access + refreshing)]


# --- Every way a session starts -------------------------------------------------------------------

# Each answers with what lets in from then on: an access token, or the client of a browser.
STARTS: dict[str, Callable[[Held], str | APIClient]] = {
    "logging in by the API": lambda held: log_in("alice", "wonderland-1").json()["access_token"],
    "logging in in a browser": lambda held: browser("alice", "wonderland-1"),
    "logging in at the operators' site": lambda held: _log_in_as_operator(held),
    "changing the password with a token, which ends all sessions and answers another": (
        lambda held: post("users/me/password", CHANGE, held.access).json()["access_token"]
    ),
    "changing the password in a browser, which stays logged in": (
        lambda held: (
            (held.page.post("/api/v1/users/me/password", CHANGE).status_code == 204 and held.page)
            or ""
        )
    ),
}


def _log_in_as_operator(held: Held) -> APIClient:
    held.user.appoint(Role.STAFF)
    held.page = APIClient()
    held.page.get("/admin/login/")
    form = {"username": "alice", "password": "wonderland-1", "next": "/admin/"}
    assert held.post_page("/admin/login/", form).status_code == 302
    return held.page


@pytest.mark.parametrize("way", STARTS)
def test_a_session_starts_by(way: str, held: Held) -> None:
    before = {session.id for session in Session.objects}
    held.wait(seconds=1)
    started = STARTS[way](held)

    client = caller(started) if isinstance(started, str) else started
    listed = client.get("/api/v1/sessions").json()["results"]
    (current,) = [session for session in listed if session["current"]]
    assert {session.id for session in Session.objects} - before == {current["id"]}
    session = Session.objects.get(id=current["id"])
    assert session.created_at == session.last_used_at
    assert session.expires_at - session.created_at == timedelta(days=14)
    assert session.user_id == held.user.id


NO_STARTS: dict[str, Callable[[Held], Any]] = {
    "registering": lambda held: post("users", {"username": "carol", "password": "sings-3"}),
    "a wrong password": lambda held: log_in("alice", "wrong"),
    "looking at the page to log in": lambda held: APIClient().get("/api-auth/login"),
    "using an access token": lambda held: me(held.access),
    "verifying a token": lambda held: verify(held.tokens["refresh_token"]),
    "refreshing, which goes on with one": lambda held: refresh(held.tokens["refresh_token"]),
    "refreshing as a parallel tab does": lambda held: refresh(held.older["refresh_token"]),
    "a wrong current password": lambda held: post(
        "users/me/password", CHANGE | {"current_password": "wrong"}, held.access
    ),
}


@pytest.mark.parametrize("way", NO_STARTS)
def test_no_session_starts_by(way: str, held: Held) -> None:
    before = {session.id for session in Session.objects}
    NO_STARTS[way](held)
    assert {session.id for session in Session.objects} == before


# --- Every way a session ends ---------------------------------------------------------------------

# Which of the two it ends, and how.
BOTH = {PHONE, LAPTOP}
SHELL = Actor.at_shell("test")
ENDS: dict[str, tuple[set[str], Callable[[Held], Any]]] = {
    "logging out with the access token": (
        {PHONE},
        lambda held: post("logout", token=held.access),
    ),
    "logging out with an access token of before a refresh": (
        {PHONE},
        lambda held: post("logout", token=held.older["access_token"]),
    ),
    "logging out with the refresh token": (
        {PHONE},
        lambda held: post("logout", {"refresh_token": held.tokens["refresh_token"]}),
    ),
    "logging out with the refresh token as bearer": (
        {PHONE},
        lambda held: post("logout", token=held.tokens["refresh_token"]),
    ),
    "logging out with a refresh token that is spent": (
        {PHONE},
        lambda held: post("logout", {"refresh_token": held.older["refresh_token"]}),
    ),
    "logging out with an access token that has expired": (
        {PHONE},
        lambda held: (held.wait(hours=25), post("logout", token=held.access)),
    ),
    "logging out in the menu of a browser": (
        {LAPTOP},
        lambda held: held.post_page("/api-auth/logout"),
    ),
    "logging out of the operators' site": (
        {LAPTOP},
        lambda held: (held.user.appoint(Role.STAFF), held.post_page("/admin/logout/")),
    ),
    "logging out of a browser by the API": (
        {LAPTOP},
        lambda held: held.page.post("/api/v1/logout"),
    ),
    "ending the phone's in the list, on the laptop": (
        {PHONE},
        lambda held: held.page.delete(f"/api/v1/sessions/{held.ids[PHONE]}"),
    ),
    "ending the laptop's in the list, on the phone": (
        {LAPTOP},
        lambda held: caller(held.access).delete(f"/api/v1/sessions/{held.ids[LAPTOP]}"),
    ),
    "ending one's own in the list": (
        {PHONE},
        lambda held: caller(held.access).delete(f"/api/v1/sessions/{held.ids[PHONE]}"),
    ),
    "logging out everywhere, on the phone": (
        BOTH,
        lambda held: post("logout/all", token=held.access),
    ),
    "logging out everywhere, on the laptop": (
        BOTH,
        lambda held: held.page.post("/api/v1/logout/all"),
    ),
    "changing the password, on the phone": (
        BOTH,
        lambda held: post("users/me/password", CHANGE, held.access),
    ),
    "changing the password, on the laptop": (
        BOTH,
        lambda held: held.page.post("/api/v1/users/me/password", CHANGE),
    ),
    "deleting oneself": (BOTH, lambda held: caller(held.access).delete("/api/v1/users/me")),
    "a refresh token that comes again after the time of grace: it was stolen": (
        {PHONE},
        lambda held: (held.wait(seconds=31), refresh(held.older["refresh_token"])),
    ),
    "fourteen days in which it is not used": (BOTH, lambda held: held.wait(days=14)),
    "ninety days, however often it is used": (
        BOTH,
        lambda held: [(held.wait(days=10), held.go_on()) for _ in range(8)] and held.wait(days=10),
    ),
    "an operator who ends one": (
        {LAPTOP},
        lambda held: operations.end_session(SHELL, held.user, held.ids[LAPTOP]),
    ),
    "an operator who ends all": (BOTH, lambda held: operations.end_sessions(SHELL, held.user)),
    "an operator who ends all at the shell": (
        BOTH,
        lambda held: call_command("endsessions", "alice"),
    ),
    "an operator who deactivates the user": (
        BOTH,
        lambda held: operations.deactivate(SHELL, held.user),
    ),
    "being let in again after that, which brings nothing back": (
        BOTH,
        lambda held: (
            operations.deactivate(SHELL, held.user),
            operations.reactivate(SHELL, held.user),
        ),
    ),
    "an operator who sets another password": (
        BOTH,
        lambda held: operations.set_password(SHELL, held.user, NEW),
    ),
    "an operator who has the password changed": (
        BOTH,
        lambda held: operations.force_password_change(SHELL, held.user),
    ),
    "an operator who deletes the user": (BOTH, lambda held: operations.erase(SHELL, held.user)),
    "another user of the same name": (
        BOTH,
        lambda held: (
            operations.erase(SHELL, held.user),
            post("users", {"username": "alice", "password": "wonderland-1"}),
        ),
    ),
}


@pytest.mark.parametrize("way", ENDS)
def test_a_session_ends_by(way: str, held: Held, bob: Person) -> None:
    ended, end = ENDS[way]
    ids, cookie = held.ids, held.cookie
    for device in BOTH:
        assert set(let_in(device, held, cookie)) == {200}, device
    began = datetime.now(UTC)
    end(held)
    waited = datetime.now(UTC) - began

    for device in ended:
        assert set(let_in(device, held, cookie)) == {401}, device
    if waited < timedelta(seconds=30):
        for device in BOTH - ended:
            assert set(let_in(device, held, cookie)) == {200}, device
        assert me(bob.tokens["access_token"]) == 200
    # The older one is spent, and within the grace if the session stands.
    for token in (held.tokens["refresh_token"], held.older["refresh_token"]):
        assert PHONE not in ended or refresh(token).status_code == 401
    # One that has ended by itself is deleted by the TTL index, now or later.
    kept = {ids[device] for device in (BOTH if waited >= timedelta(days=14) else BOTH - ended)}
    assert {session.id for session in Session.objects(id__in=ids.values())} <= kept

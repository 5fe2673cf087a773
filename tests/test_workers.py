"""What one worker has ended, each of the others refuses at the next request."""

from __future__ import annotations

import http.cookies
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.conf import settings

from accounts import operations
from accounts.documents import User
from accounts.operations import Actor
from tests.left_out import mostly_long
from tests.processes import Service, wait_for

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc"),
]
WORKERS = 4
PASSWORD = "wonderland-1"
CHANGE = {"current_password": PASSWORD, "new_password": "through-the-looking-glass"}


@pytest.fixture(scope="module")
def service(_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(
        tmp_path_factory.mktemp("workers") / "log",
        MONGODB_URI=settings.MONGODB_URI,
        WEB_CONCURRENCY=str(WORKERS),
        REFRESH_TOKEN_GRACE="5m",  # a slow machine must not have a spent token taken for a thief's
    ) as service:
        yield service


def each_alone(service: Service) -> Iterator[int]:
    """Have one worker after the other answer alone, while the others are stopped."""
    # The first worker answers before gunicorn has started the last.
    workers = wait_for(lambda: all_workers(service), f"there are {WORKERS} workers")
    for worker in workers:
        others = [pid for pid in workers if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield worker
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)


def all_workers(service: Service) -> list[int] | None:
    """Return the workers' process ids; None while some are not there yet."""
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text()
    workers = [int(pid) for pid in children.split()]
    return workers if len(workers) == WORKERS else None


def in_a_browser(service: Service, name: str) -> str:
    """Log in on the page; return the cookie."""
    page = service.get("/api-auth/login")
    token = http.cookies.SimpleCookie(page.headers["Set-Cookie"])["csrftoken"].value
    hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert hidden
    form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": hidden[1]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={token}"}
    answer = service.request("POST", "/api-auth/login", urlencode(form), **headers)
    assert answer.status == 302, answer.text
    cookies = http.cookies.SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie") or []))
    return f"sessionid={cookies['sessionid'].value}"


class Held(NamedTuple):
    """What somebody holds: tokens of before and after a refresh, and a browser's cookie."""

    name: str
    older: dict[str, Any]
    tokens: dict[str, Any]
    cookie: str

    def let_in(self, service: Service) -> list[int]:
        """Return the status with which each is answered."""
        pairs = (self.older, self.tokens)
        verified = [pair[kind] for pair in pairs for kind in ("access_token", "refresh_token")]
        return [
            *(service.get("/api/v1/templates", pair["access_token"]).status for pair in pairs),
            *(service.post("/api/v1/token/verify", {"token": text}).status for text in verified),
            service.get("/api/v1/users/me", Cookie=self.cookie).status,
        ]


def log_in(service: Service, name: str) -> Held:
    service.log_in(name, PASSWORD)
    body = {"username": name, "password": PASSWORD}
    older = service.post("/api/v1/login", body).json
    tokens = refresh(service, older).json
    return Held(name, older, tokens, in_a_browser(service, name))


def refresh(service: Service, pair: dict[str, Any]) -> Any:
    return service.post("/api/v1/token/refresh", {"refresh_token": pair["refresh_token"]})


def operator(do: Callable[[Actor, User], None]) -> Callable[[Service, Held], None]:
    """Return what has another process, an operator's, do it."""

    def end(service: Service, held: Held) -> None:
        user = User.named(held.name)
        assert user
        do(Actor.at_shell("test"), user)

    return end


ENDS: dict[str, Callable[[Service, Held], Any]] = {
    "logging out everywhere": lambda service, held: service.post(
        "/api/v1/logout/all", {}, held.tokens["access_token"]
    ),
    "changing the password": lambda service, held: service.post(
        "/api/v1/users/me/password", CHANGE, held.tokens["access_token"]
    ),
    "deleting oneself": lambda service, held: service.request(
        "DELETE", "/api/v1/users/me", None, held.tokens["access_token"]
    ),
    "being deactivated": operator(operations.deactivate),
    "being logged out by an operator": operator(operations.end_sessions),
    "being deleted by an operator": operator(operations.erase),
}


@pytest.mark.parametrize("way", mostly_long(*ENDS))
def test_every_worker_refuses_what_has_ended_by(way: str, service: Service) -> None:
    held = log_in(service, "alice")
    for _ in each_alone(service):
        assert set(held.let_in(service)) == {200}
    ENDS[way](service, held)
    for _ in each_alone(service):
        assert set(held.let_in(service)) == {401}
        assert refresh(service, held.tokens).status == refresh(service, held.older).status == 401


def test_every_worker_refuses_the_one_session_that_was_logged_out_of(service: Service) -> None:
    held, other = log_in(service, "alice"), log_in(service, "bob")
    assert service.post("/api/v1/logout", {}, held.tokens["access_token"]).status == 204
    for _ in each_alone(service):
        assert set(held.let_in(service)[:-1]) == {401}
        assert held.let_in(service)[-1] == 200  # the browser's is another session
        assert refresh(service, held.tokens).status == 401
        assert set(other.let_in(service)) == {200}

"""Many at once, through several workers: the database decides, and decides once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from templatesvc.mongo.clock import now
from tests.accounts.callers import claims
from tests.processes import Service, at_once

pytestmark = pytest.mark.wire


@contextmanager
def running(tmp_path: Path, **environment: str) -> Iterator[Service]:
    given = {"MONGODB_URI": settings.MONGODB_URI, "WEB_CONCURRENCY": "4"} | environment
    with Service(tmp_path / "service.log", **given) as service:
        yield service


@pytest.mark.parametrize("times", [40, pytest.param(200, marks=pytest.mark.long)])
def test_of_many_registrations_of_one_name_one_succeeds(times: int, tmp_path: Path) -> None:
    body = {"username": "test1", "password": "1234"}
    with running(tmp_path, WEB_CONCURRENCY="3", REGISTRATION_LIMIT="off") as service:
        answers = at_once(range(times), lambda _: service.post("/api/v1/users", body).status)
    assert Counter(answers) == {201: 1, 409: times - 1}


@pytest.mark.parametrize("times", [40, pytest.param(100, marks=pytest.mark.long)])
def test_of_many_creations_of_one_template_one_succeeds(times: int, tmp_path: Path) -> None:
    with running(tmp_path) as service:
        token = service.log_in("alice")
        body = {"template": {"kind": "book"}}
        answers = at_once(range(times), lambda _: service.post("/create", body, token).status)
        listed = service.get("/get", token).json["docs"]
    assert Counter(answers) == {200: 1, 409: times - 1}
    assert [doc["template"] for doc in listed] == [{"kind": "book"}]


def refresh(service: Service, token: str) -> Any:
    return service.post("/api/v1/token/refresh", {"refresh_token": token})


def log_in(service: Service) -> dict[str, Any]:
    service.log_in("alice")
    body = {"username": "alice", "password": "wonderland-1"}
    tokens: dict[str, Any] = service.post("/api/v1/login", body).json
    return tokens


def test_50_parallel_refreshes_leave_one_session_with_one_chain(tmp_path: Path) -> None:
    # A slow machine must not have a spent token taken for a thief's.
    with running(tmp_path, REFRESH_TOKEN_GRACE="5m") as service:
        first = log_in(service)["refresh_token"]
        answers = at_once(range(50), lambda _: refresh(service, first))
        assert {answer.status for answer in answers} == {200}
        tokens = [answer.json["refresh_token"] for answer in answers]
        assert len({claims(token)["sid"] for token in tokens}) == 1
        assert len({claims(token)["jti"] for token in tokens}) == 1
        for answer in answers:
            assert service.get("/api/v1/templates", answer.json["access_token"]).status == 200
        listed = service.get("/api/v1/sessions", answers[0].json["access_token"]).json["results"]
        assert [session["current"] for session in listed].count(True) == 1
        assert len(listed) == 2  # the first is of Service.log_in
        assert refresh(service, tokens[0]).status == 200


def test_a_stolen_token_that_is_used_later_ends_thief_and_owner(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        stolen = log_in(service)["refresh_token"]
        owner = refresh(service, stolen).json
        # An hour later: the clock of other processes can't be set, but what they have noted can.
        spent = {"spent.0.id": claims(stolen)["jti"]}
        earlier = {"$set": {"spent.0.at": now() - timedelta(hours=1)}}
        assert Session._get_collection().update_one(spent, earlier).modified_count == 1
        answers = at_once(range(20), lambda _: refresh(service, stolen).status)
        assert Counter(answers) == {401: 20}
        for path in ("/get", "/api/v1/users/me"):
            assert service.get(path, owner["access_token"]).status == 401
        assert refresh(service, owner["refresh_token"]).status == 401
    assert AuditEntry.objects(action="token_reused").count() == 1


@pytest.mark.long
def test_without_grace_one_of_50_parallel_refreshes_succeeds(tmp_path: Path) -> None:
    with running(tmp_path, REFRESH_TOKEN_GRACE="0s") as service:
        first = log_in(service)
        answers = at_once(range(50), lambda _: refresh(service, first["refresh_token"]))
        assert Counter(answer.status for answer in answers) == {200: 1, 401: 49}
        (winner,) = [answer.json for answer in answers if answer.status == 200]
        # The others were reuse, which ends the session of thief and owner.
        for token in (first["access_token"], winner["access_token"]):
            assert service.get("/api/v1/templates", token).status == 401
        assert refresh(service, winner["refresh_token"]).status == 401


@pytest.mark.parametrize("name", ["alice", pytest.param("nobody", marks=pytest.mark.long)])
def test_of_40_parallel_wrong_log_ins_ten_are_looked_at(name: str, tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.log_in("alice")
        wrong = {"username": name, "password": "nope"}
        answers = at_once(range(40), lambda _: service.post("/api/v1/login", wrong))
        right = {"username": name, "password": "wonderland-1"}
        after = service.post("/api/v1/login", right)
    assert Counter(answer.status for answer in answers) == {401: 10, 429: 30}
    assert after.status == 429
    assert 0 < int(after.headers["Retry-After"]) <= 900
    assert after.json["msg"]


def test_of_30_parallel_registrations_the_limit_is_let_in_and_no_more_is_left(
    tmp_path: Path,
) -> None:
    with running(tmp_path, REGISTRATION_LIMIT="5/1h") as service:
        bodies = [{"username": f"name-{number}", "password": "x"} for number in range(30)]
        answers = at_once(
            range(30), lambda number: service.post("/api/v1/users", bodies[number]).status
        )
    assert Counter(answers) == {201: 5, 429: 25}
    assert User.objects.count() == 5


@pytest.mark.long
def test_of_30_parallel_registrations_of_a_taken_name_the_limit_is_hashed(tmp_path: Path) -> None:
    body = {"username": "alice", "password": "x"}
    with running(tmp_path, REGISTRATION_LIMIT="5/1h") as service:
        service.log_in("alice")  # the first of the five
        answers = at_once(range(30), lambda _: service.post("/api/v1/users", body).status)
    assert Counter(answers) == {409: 4, 429: 26}


@pytest.mark.long
@pytest.mark.parametrize("most", [1, 10])
def test_of_48_parallel_log_ins_so_many_sessions_are_left_as_one_may_have(
    most: int, tmp_path: Path
) -> None:
    with running(tmp_path, MAX_SESSIONS=str(most)) as service:
        first = service.log_in("alice")
        body = {"username": "alice", "password": "wonderland-1"}
        for _ in range(2):
            answers = at_once(range(24), lambda _: service.post("/api/v1/login", body))
            assert {answer.status for answer in answers} == {200}
            tokens = [answer.json["access_token"] for answer in answers]
            standing = [
                token for token in tokens if service.get("/api/v1/templates", token).status == 200
            ]
            assert len(standing) == most
            listed = service.get("/api/v1/sessions", standing[0]).json["results"]
            assert len(listed) == most
        assert service.get("/api/v1/templates", first).status == 401
    assert AuditEntry.objects(action="session_superseded").count() == 49 - most


@pytest.mark.long
def test_of_40_parallel_wrong_current_passwords_ten_are_looked_at(tmp_path: Path) -> None:
    body = {"current_password": "nope", "new_password": "x"}
    with running(tmp_path) as service:
        token = service.log_in("alice")
        path = "/api/v1/users/me/password"
        answers = at_once(range(40), lambda _: service.post(path, body, token).status)
    assert Counter(answers) == {400: 10, 429: 30}


def test_of_parallel_changes_of_a_password_one_succeeds(tmp_path: Path) -> None:
    """And one session is left: that which the change answered."""
    with running(tmp_path) as service:
        tokens = [log_in(service)["access_token"]]
        tokens += [
            service.post("/api/v1/login", {"username": "alice", "password": "wonderland-1"}).json[
                "access_token"
            ]
            for _ in range(7)
        ]

        def change(number: int) -> Any:
            body = {"current_password": "wonderland-1", "new_password": f"new-{number}"}
            return service.post("/api/v1/users/me/password", body, tokens[number])

        answers = at_once(range(8), change)
        assert Counter(answer.status == 200 for answer in answers) == {True: 1, False: 7}
        # The others came too late: with another password, or with a session that had ended.
        assert {answer.status for answer in answers} <= {200, 400, 401, 409}
        (winner,) = [number for number, answer in enumerate(answers) if answer.status == 200]
        new = {"username": "alice", "password": f"new-{winner}"}
        assert service.post("/api/v1/login", new).status == 200
        access = answers[winner].json["access_token"]
        assert service.get("/api/v1/templates", access).status == 200
        assert {service.get("/api/v1/templates", token).status for token in tokens} == {401}


@pytest.mark.long
def test_parallel_log_ins_with_an_old_hash_all_succeed_and_leave_a_new_one(tmp_path: Path) -> None:
    User._get_collection().insert_one(
        {"username": "carol", "password": hashlib.sha256(b"1234").hexdigest()}
    )
    body = {"username": "carol", "password": "1234"}
    with running(tmp_path) as service:
        answers = at_once(range(20), lambda _: service.post("/api/v1/login", body))
        assert {answer.status for answer in answers} == {200}
        tokens = [answer.json["access_token"] for answer in answers]
        assert {service.get("/api/v1/templates", token).status for token in tokens} == {200}
    carol = User.named("carol")
    assert carol and carol.password.startswith("argon2$argon2id$")

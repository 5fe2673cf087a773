"""Taking over at full length: a database that the Flask service filled, and kill -9 in between."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymongo.database import Database

from tests.conftest import a_database, uri_of
from tests.processes import KEY, ROOT, FlaskService, Process, Service, at_once, manage, wait_for
from tests.templates_app.flask.flask_data import (
    FOUND,
    fill,
    in_the_way,
    password_of,
    spoil,
)

pytestmark = pytest.mark.wire
APPLY = ("adopt", "--apply", "--duplicate-users=keep-oldest", "--format=json")
REPORT = ("adopt", "--format=json")
WRAP = (*APPLY, "--wrap-passwords", "--yes")
Data = Database[dict[str, Any]]


class Size(NamedTuple):
    people: int
    templates_each: int
    kills: int


SMALL = Size(people=40, templates_each=5, kills=3)
# The embedded server takes longer than a test may for what another does in minutes.
IS_EMBEDDED = not os.environ.get("MONGODB_TEST_URI")
FULL = Size(people=500 if IS_EMBEDDED else 5000, templates_each=10, kills=6 if IS_EMBEDDED else 20)


class Origin(NamedTuple):
    """The database as the Flask service left it, and what one undisturbed run makes of it."""

    size: Size
    data: Data
    passwords: dict[str, str]  # of those who raced for their name
    outcome: Any
    seen: list[str]
    took: timedelta  # from the start to the last change


def adopt(data: Data, *arguments: str) -> dict[str, Any]:
    ran = manage(*arguments, seconds=1200, MONGODB_URI=uri_of(data), SECRET_KEY=KEY)
    assert ran.returncode == (arguments == REPORT), ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def copy(origin: Data, to: Data) -> None:
    for name in ("users", "templates", "quarantine", "audit"):
        to.drop_collection(name)
    for name in ("users", "templates"):
        to[name].insert_many(list(origin[name].find()))


def state(data: Data) -> dict[str, list[Any]]:
    """Return all documents of both services' users and templates, and of the quarantine."""
    return {
        name: sorted(data[name].find({}, {"at": 0}), key=lambda document: repr(document["_id"]))
        for name in ("users", "templates", "quarantine")
    }


def seen(data: Data) -> list[str]:
    """Return what is to be the same: the state, and the indexes. As texts: no NaN is another's."""
    stand = [sorted(data[name].index_information()) for name in ("users", "templates")]
    return [repr(stand), *(repr(document) for found in state(data).values() for document in found)]


def whereabouts(data: Data) -> dict[str, set[str]]:
    """Return the ids of all documents, in their place or in quarantine."""
    return {
        name: {repr(each["_id"]) for each in data[name].find({}, {"_id": 1})}
        | {
            repr(each["document_id"])
            for each in data["quarantine"].find({"collection": name}, {"document_id": 1})
        }
        for name in ("users", "templates")
    }


@pytest.fixture(scope="module", params=[SMALL, pytest.param(FULL, marks=pytest.mark.long)])
def origin(
    request: pytest.FixtureRequest, _store: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Origin]:
    size: Size = request.param
    log = tmp_path_factory.mktemp("origin") / "flask"
    with a_database("origin") as data, a_database("undisturbed") as undisturbed:
        # Without indexes each of its requests reads a whole collection.
        data["users"].create_index("username")
        data["templates"].create_index("profile")
        with FlaskService(log, MONGODB_URI=uri_of(data)) as flask:
            passwords = fill(flask, size.people, size.templates_each)
        spoil(data)
        copy(data, undisturbed)
        adopt(undisturbed, *APPLY)
        begun = undisturbed["audit"].find_one({"action": "adoption_begun"}) or {}
        (last,) = undisturbed["quarantine"].find().sort("at", -1).limit(1)
        outcome, took = state(undisturbed), last["at"] - begun["at"]
        yield Origin(size, data, passwords, outcome, seen(undisturbed), took)


def test_the_report_finds_exactly_what_is_there(origin: Origin) -> None:
    report = adopt(origin.data, *REPORT)
    counts = {found["kind"]: found["count"] for found in report["findings"] if found["count"]}
    assert counts.pop("flask_passwords") >= origin.size.people
    assert counts == in_the_way(origin.data) | FOUND
    assert report["templates"] > origin.size.people * origin.size.templates_each


def test_every_template_is_there_or_in_quarantine_with_a_reason(origin: Origin) -> None:
    kept = origin.outcome["quarantine"]
    assert all(each["reason"] for each in kept)
    for name in ("users", "templates"):
        taken = [each for each in kept if each["collection"] == name]
        there = origin.data[name].count_documents({})
        assert len(origin.outcome[name]) + len(taken) == there


def start(data: Data, log: Path, *arguments: str) -> Process:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return Process(command, log, MONGODB_URI=uri_of(data), SECRET_KEY=KEY)


def kill_within(seconds: float, data: Data, log: Path, *arguments: str) -> bool:
    """Start the command and kill it after its first change; tell whether it was still running."""
    runs = data["audit"].count_documents({"action": "adoption_begun"})
    with start(data, log, *arguments) as process:
        wait_for(
            lambda: data["audit"].count_documents({"action": "adoption_begun"}) > runs, "it begins"
        )
        time.sleep(random.uniform(0, seconds))
        assert process.popen is not None
        return process.popen.poll() is None


@pytest.mark.long
def test_killed_at_any_point_and_restarted_it_ends_in_the_same_state(
    origin: Origin, tmp_path: Path
) -> None:
    before, killed = whereabouts(origin.data), 0
    with a_database("killed") as data:
        # Now and then it is through before it is killed, which counts for nothing.
        for number in range(10 * origin.size.kills):
            copy(origin.data, data)
            killed += kill_within(origin.took.total_seconds(), data, tmp_path / f"{number}", *APPLY)
            assert whereabouts(data) == before
            adopt(data, *APPLY)
            assert seen(data) == origin.seen
            # And what was put back is what there was.
            if number == 0:
                adopt(data, "adopt", "--undo", "--format=json")
                assert seen(data)[1:] == seen(origin.data)[1:]
            if killed == origin.size.kills:
                break
    assert killed == origin.size.kills


@pytest.mark.long
def test_everybody_logs_in_with_the_old_password(origin: Origin, tmp_path: Path) -> None:
    names = [
        user["username"]
        for user in origin.outcome["users"]
        if isinstance(user.get("username"), str) and len(user["password"] or "") == 64
    ]
    assert len(names) > origin.size.people
    assert set(names) > origin.passwords.keys()
    with ExitStack() as stack:
        data = stack.enter_context(a_database("wrapped"))
        seconds = len(names) / 60
        for number in range(10 * origin.size.kills):
            copy(origin.data, data)
            if kill_within(seconds, data, tmp_path / f"{number}", *WRAP):
                break  # it was still running
        else:
            pytest.fail("it was through before each kill")
        for number in range(origin.size.kills // 3 - 1):
            kill_within(seconds, data, tmp_path / f"again-{number}", *WRAP)
        assert adopt(data, *WRAP)["after"]["users"] == len(origin.outcome["users"])
        settings = {"WEB_CONCURRENCY": "2", "LOGIN_LIMIT_PER_ADDRESS": "off"}
        log, uri = tmp_path / "service", uri_of(data)
        service = stack.enter_context(Service(log, MONGODB_URI=uri, **settings))

        def log_in(name: str) -> tuple[str, int]:
            password = origin.passwords.get(name) or password_of(name)
            body = {"username": name, "password": password}
            return name, service.post("/api/v1/login", body).status

        refused = {name for name, status in at_once(names, log_in) if status != 200}
    assert refused == set()

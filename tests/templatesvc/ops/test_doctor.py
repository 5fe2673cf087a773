"""``manage.py doctor``"""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.documents import User
from accounts.limits import Attempts
from accounts.operators import Role
from templatesvc.mongo import indexes, store
from templatesvc.mongo.clock import now
from tests.accounts.callers import after
from tests.conftest import Person
from tests.failover.replica_set import ReplicaSet
from tests.processes import KEY, MongoServer, free_port, manage


def lines(subject: str, status: int = 0) -> list[str]:
    """Return what the doctor says of something, when it ends with this status."""
    output = io.StringIO()
    ended = 0
    try:
        call_command("doctor", stdout=output)
    except SystemExit as end:
        ended = int(str(end.code))
    assert ended == status, output.getvalue()
    told = output.getvalue().splitlines()
    return [line for line in told if line.split(":")[0].endswith(f" {subject}")]


def given(**others: str) -> dict[str, str]:
    values = {"SECRET_KEY": KEY, "ALLOWED_HOSTS": "localhost", "MONGODB_URI": settings.MONGODB_URI}
    return values | others


def test_what_is_well_is_told_with_what_was_looked_at(alice: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    assert lines("operators") == ["ok       operators: 1, of them 1 superusers"]
    assert lines("indexes") == [f"ok       indexes: all {len(list(indexes.declared()))} exist"]
    assert lines("expiry") == ["ok       expiry: what has expired is deleted"]


def test_without_an_operator_it_says_how_to_make_one() -> None:
    (line,) = lines("operators")
    assert line.startswith("warning  operators: there is none yet. To make one: ")
    assert line.endswith("manage.py createsuperuser")


def test_superusers_who_can_not_log_in_are_none(alice: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    alice.user._get_collection().update_one({"_id": alice.user.id}, {"$set": {"is_active": False}})
    (line,) = lines("operators", status=1)
    assert line.startswith("error    operators: none of the superusers can log in")


def test_who_registers_the_name_of_a_superuser_is_none(alice: Person) -> None:
    alice.user.appoint(Role.SUPERUSER)
    User.objects(id=alice.user.id).delete()
    User.register("alice", "another-1")
    (line,) = lines("operators", status=1)
    assert line.startswith("error    operators: none of the superusers can log in")


@pytest.mark.wire  # mongomock deletes what has expired before it looks
def test_what_has_expired_long_ago_and_is_there_is_told() -> None:
    (index,) = [index for index in indexes.declared() if index.document is Attempts]
    index.drop()  # or the server might be quicker
    try:
        Attempts(id="old", count=1, expires_at=now() - timedelta(minutes=11)).save()
        (line,) = lines("expiry", status=1)
    finally:
        index.build()
    assert line.startswith("warning  expiry: attempts has documents that expired over ten minutes")


def test_a_missing_index_is_an_error() -> None:
    index = next(index for index in indexes.declared() if not index.options.get("unique"))
    index.drop()
    try:
        (line,) = lines("index", status=1)
        assert line.startswith(f"error    index: {index} is missing")
    finally:
        index.build()


@pytest.mark.wire
def test_a_server_that_is_well() -> None:
    (line,) = lines("connection")
    assert line.startswith("ok       connection: MongoDB, mongodb://127.0.0.1:")
    (line,) = lines("server")
    assert line.startswith("ok       server: version ")
    (line,) = lines("clock")
    assert line.startswith("ok       clock: 0.")


@pytest.mark.wire
@pytest.mark.parametrize(("seconds", "level"), [(1, "ok"), (5, "warning"), (60, "error")])
def test_clocks_that_are_apart(seconds: int, level: str) -> None:
    with after(seconds=seconds):
        (line,) = lines("clock", status=int(level == "error"))
    assert line.startswith(level)


@pytest.mark.long
@pytest.mark.wire
def test_a_server_that_is_away_is_told_without_its_password() -> None:
    uri = f"mongodb://ada:secret@127.0.0.1:{free_port()}/?timeoutMS=500"
    ran = manage("doctor", **given(MONGODB_URI=uri))
    assert ran.returncode == 1
    (line,) = (line for line in ran.stdout.splitlines() if " connection:" in line)
    assert line.startswith("error    connection: MongoDB, mongodb://127.0.0.1:")
    assert "does not answer" in line
    assert "secret" not in ran.stdout + ran.stderr


@pytest.mark.long
@pytest.mark.wire
@pytest.mark.parametrize(
    ("options", "subject"),
    [("w=1", "writes"), ("readPreference=secondary", "reads")],
)
def test_options_that_would_let_the_dead_rise(options: str, subject: str) -> None:
    uri = f"{settings.MONGODB_URI}&{options}"
    ran = manage("doctor", **given(MONGODB_URI=uri))
    assert ran.returncode == 1
    assert f"error    {subject}: " in ran.stdout


@pytest.mark.long
@pytest.mark.wire
def test_where_there_is_no_failover_one_acknowledgement_is_no_error(tmp_path: Path) -> None:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        with ReplicaSet(server.port, 1) as members:
            members.hidden = {"setName"}
            uri = f"mongodb://{members.members[0].address}/tests?directConnection=true&w=1"
            ran = manage("doctor", **given(MONGODB_URI=uri))
    assert ran.returncode == 0, ran.stdout
    assert "warning  replication: none" in ran.stdout
    assert "warning  settings: (templatesvc.W004) By MONGODB_URI, writes are " in ran.stdout


@pytest.mark.long
@pytest.mark.wire
def test_unsafe_settings_are_part_of_the_report() -> None:
    ran = manage("doctor", **given(SECRET_KEY="short", LOGIN_LIMIT_PER_USER="off", HTTPS="on"))
    assert ran.returncode == 1
    for line in (
        "error    settings: (templatesvc.E002) SECRET_KEY has 5 characters.",
        "warning  settings: (accounts.W002) LOGIN_LIMIT_PER_USER is off.",
        "warning  addresses: a proxy terminates HTTPS",
    ):
        assert line in ran.stdout
    assert "Traceback" not in ran.stderr


# --- What the server must be able to do -----------------------------------------------------------


@pytest.mark.wire
def test_a_server_that_does_all_that_is_needed() -> None:
    (line,) = lines("capabilities")
    assert line.startswith("ok       capabilities: the server does all ")
    assert [name for name in store.database().list_collection_names() if "scratch" in name] == []


@pytest.mark.long
@pytest.mark.wire
@pytest.mark.parametrize("command", ["findAndModify", "aggregate"])
def test_what_a_server_can_not_do_is_told(command: str, tmp_path: Path) -> None:
    with MongoServer(tmp_path / "data") as server:
        server.build_indexes()
        with ReplicaSet(server.port, 1) as members:
            members.unknown = {command}
            ran = manage("doctor", **given(MONGODB_URI=members.uri))
    told = [line for line in ran.stdout.splitlines() if line.startswith("error    capability: ")]
    needed = {
        "findAndModify": ["`findAndModify`"],
        "aggregate": ["`$lookup`", "`$group`", "sizes and days"],
    }
    assert [line.split(": ")[1].split(" (")[0] for line in told] == needed[command]
    assert ran.returncode == 1

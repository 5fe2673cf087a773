"""The embedded store, over real processes and a directory of each test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from templatesvc.mongo import embedded
from tests.processes import PATIENCE, ROOT, Process, environment, wait_for

pytestmark = [
    pytest.mark.wire,
    pytest.mark.skipif(embedded.program() is None, reason=f"{embedded.PROGRAM} is not installed"),
]

HOLD = """
import sys, time
from pathlib import Path
from templatesvc.mongo import embedded
print(embedded.acquire(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""
# Writes numbers one by one and says each number once its write is acknowledged.
WRITE = """
import sys
from pathlib import Path
from pymongo import MongoClient
from templatesvc.mongo import embedded
numbers = MongoClient(embedded.acquire(Path(sys.argv[1])), w="majority").tests.numbers
for number in range(10**9):
    numbers.insert_one({"_id": f"{sys.argv[2]}-{number}"})
    print(f"{sys.argv[2]}-{number}", flush=True)
"""
RELEASE = """
import sys
from pathlib import Path
from templatesvc.mongo import embedded
print(embedded.acquire(Path(sys.argv[1])), flush=True)
"""


class User(Process):
    """A process that uses the store."""

    def __init__(self, directory: Path, name: str = "user", program: str = HOLD) -> None:
        self.directory = directory
        command = [sys.executable, "-c", program, str(directory), name]
        super().__init__(command, directory.with_name(f"{name}.log"))

    def uri(self) -> str:
        """Return the URI that it got, once it has it."""
        lines = wait_for(self.lines, f"{self.log} has the store's URI")
        assert lines[0].startswith("mongodb://"), self.output
        return lines[0]

    def lines(self) -> list[str]:
        """Return the lines that it has written to their end."""
        return self.output.rpartition("\n")[0].splitlines()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "store"
    yield directory
    for pid in (keeper_of(directory), server_of(directory)):
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)
    wait_for(lambda: is_free(directory, "server") and is_free(directory, "keeper"), "all is ended")


def server_of(directory: Path) -> int:
    """Return the process id of the server that runs on the directory, or 0."""
    return 0 if is_free(directory, "server") else embedded._number(directory / "server.pid")


def keeper_of(directory: Path) -> int:
    """Return the process id of the keeper, which is the server's parent, or 0."""
    server = server_of(directory)
    if not server or is_free(directory, "keeper"):
        return 0
    command = ["ps", "-o", "ppid=", "-p", str(server)]
    return int(subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE).stdout)


def is_free(directory: Path, lock: str) -> bool:
    return not (directory / lock).exists() or embedded._is_free(directory / lock)


def is_stopped(directory: Path) -> bool:
    return is_free(directory, "keeper") and is_free(directory, "server")


def kill(pid: int) -> None:
    assert pid > 1
    os.kill(pid, signal.SIGKILL)


def write(uri: str, name: str) -> None:
    with MongoClient[dict[str, Any]](uri, w="majority", timeoutMS=1000 * PATIENCE) as client:
        client.tests.things.insert_one({"_id": name})


def names(uri: str, collection: str = "things") -> set[str]:
    with MongoClient[dict[str, Any]](uri, timeoutMS=1000 * PATIENCE) as client:
        return {row["_id"] for row in client.tests[collection].find()}


def test_two_processes_share_one_server(store: Path) -> None:
    with User(store, "one") as one, User(store, "two") as two:
        assert one.uri() == two.uri()
        write(one.uri(), "kept")
        assert names(two.uri()) == {"kept"}


@pytest.mark.long
def test_many_processes_that_race_to_be_first_share_one_server(store: Path) -> None:
    with contextlib.ExitStack() as stack:
        users = [stack.enter_context(User(store, f"racer{number}")) for number in range(6)]
        assert len({user.uri() for user in users}) == 1


@pytest.mark.long
def test_the_server_runs_on_after_its_starter_while_somebody_uses_it(store: Path) -> None:
    with User(store, "starter") as starter:
        uri = starter.uri()
        with User(store, "other") as other:
            assert other.uri() == uri
            starter.stop()
            write(uri, "after the starter")
            assert not is_stopped(store)
            other.stop()
            wait_for(lambda: is_stopped(store), "the server stops after its last user")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_the_server_is_closed_cleanly_however_its_last_user_ends(
    store: Path, number: signal.Signals
) -> None:
    with User(store) as user:
        write(user.uri(), "kept")
        user.send(number)  # to the whole process group, as a terminal does with Ctrl-C
        user.wait()
        wait_for(lambda: is_stopped(store), "the server stops after its last user")
    assert not (store / "server.port").exists()
    assert (store / "keeper.log").read_text() == ""
    with User(store) as user:
        assert names(user.uri()) == {"kept"}


@pytest.mark.long
def test_ctrl_c_does_not_reach_the_server(store: Path) -> None:
    with User(store) as user:
        user.uri()
        groups = {os.getpgid(pid) for pid in (keeper_of(store), server_of(store))}
        sessions = {os.getsid(pid) for pid in (keeper_of(store), server_of(store))}
        assert os.getpgid(user.pid) not in groups
        assert os.getsid(user.pid) not in sessions


@pytest.mark.long
def test_who_comes_while_the_server_stops_gets_a_new_one(store: Path) -> None:
    with User(store, "first") as first:
        write(first.uri(), "kept")
        stopping = server_of(store)
        first.stop()
        with User(store, "next") as second:
            assert names(second.uri()) == {"kept"}
            assert server_of(store) != stopping


@pytest.mark.long
def test_a_killed_server_is_started_again_on_its_port(store: Path) -> None:
    with User(store) as user:
        write(user.uri(), "before")
        killed = server_of(store)
        kill(killed)
        wait_for(lambda: (store / "server.port").exists() and server_of(store) != killed, "another")
        write(user.uri(), "after")
        assert names(user.uri()) == {"before", "after"}


@pytest.mark.long
def test_after_a_killed_keeper_the_next_process_restores_the_store_for_all(store: Path) -> None:
    with User(store, "first") as first:
        write(first.uri(), "before")
        orphan = server_of(store)
        kill(keeper_of(store))
        wait_for(lambda: is_free(store, "keeper"), "the keeper is dead")
        with User(store, "next") as second:
            assert second.uri() == first.uri()
            assert server_of(store) != orphan
            write(first.uri(), "after")
            assert names(second.uri()) == {"before", "after"}


@pytest.mark.long
def test_a_server_whose_keeper_was_killed_while_it_started_is_found(store: Path) -> None:
    with User(store, "first") as first:
        wait_for(lambda: server_of(store) and keeper_of(store), "the server is being started")
        orphan = server_of(store)
        assert not (store / "server.port").exists()
        kill(keeper_of(store))
        assert first.wait() == 1
        assert "EmbeddedStoreError: The embedded store did not start" in first.output
    with User(store, "next") as second:
        write(second.uri(), "written")
        assert server_of(store) != orphan


@pytest.mark.long
def test_everything_killed_in_the_middle_of_writes_loses_nothing_acknowledged(store: Path) -> None:
    with User(store, "one", WRITE) as one, User(store, "two", WRITE) as two:
        for writer in (one, two):
            wait_for(lambda writer=writer: len(writer.lines()) > 100, "a hundred writes")  # type: ignore[misc]
        for pid in (server_of(store), keeper_of(store), one.pid, two.pid):
            kill(pid)
        one.wait()
        two.wait()
        acknowledged = {*one.lines(), *two.lines()}
    with User(store, "next") as user:
        assert acknowledged <= names(user.uri(), "numbers")


@pytest.mark.long
def test_the_starter_killed_in_the_middle_of_writes_loses_nothing_acknowledged(store: Path) -> None:
    with User(store, "writer", WRITE) as writer:
        wait_for(lambda: len(writer.lines()) > 100, "a hundred writes")
        kill(writer.pid)
        writer.wait()
        acknowledged = set(writer.lines())
    with User(store, "next") as user:
        assert acknowledged <= names(user.uri(), "numbers")


@pytest.mark.long
def test_a_directory_has_one_server_and_another_directory_another(store: Path) -> None:
    other = store.with_name("other")
    with User(store, "one") as one, User(other, "two") as two:
        assert one.uri() != two.uri()
        two.stop()
        wait_for(lambda: is_stopped(other), "the other server stops")


@pytest.mark.long
def test_only_the_owner_can_look_into_the_directory(store: Path) -> None:
    with User(store) as user:
        user.uri()
        assert stat.S_IMODE(store.stat().st_mode) == 0o700


def test_nobody_gets_in_without_the_password_that_only_the_owner_can_read(store: Path) -> None:
    with User(store) as user:
        write(user.uri(), "kept")
        assert stat.S_IMODE((store / "password").stat().st_mode) == 0o600
        (_, address) = user.uri().split("@")
        anybody = f"mongodb://{address.partition('&')[0]}"
        for uri in (anybody, f"mongodb://{embedded.USER}:guessed@{address}"):
            with pytest.raises(OperationFailure):
                names(uri)
            with pytest.raises(OperationFailure):
                write(uri, "smuggled")
        assert names(user.uri()) == {"kept"}


@pytest.mark.long
def test_who_was_let_in_before_the_password_was_set_is_not_any_more(store: Path) -> None:
    """A store whose password is lost is like one that never had any."""
    with User(store, "first") as first:
        write(first.uri(), "kept")
        with MongoClient[dict[str, Any]](first.uri()) as client:
            client.tests.command("createUser", "intruder", pwd="pencil", roles=["readWrite"])
        first.stop()
        wait_for(lambda: is_stopped(store), "the server stops")
    old = (store / "password").read_text()
    (store / "password").unlink()
    with User(store, "second") as second:
        assert names(second.uri()) == {"kept"}
        assert old not in second.uri()
        address = second.uri().split("@")[1]
        with pytest.raises(OperationFailure):
            names(f"mongodb://intruder:pencil@{address}".replace("=admin", "=tests"))


@pytest.mark.long
def test_what_is_written_does_not_get_into_the_logs(store: Path) -> None:
    with User(store) as user:
        write(user.uri(), "a-secret-that-is-kept")
        user.stop()
        wait_for(lambda: is_stopped(store), "the server stops")
    logs = "".join(path.read_text() for path in (store / "server.log", store / "keeper.log"))
    assert "listening on" in logs
    assert "a-secret" not in logs


def test_a_missing_program_is_told_with_what_to_do(tmp_path: Path) -> None:
    alone = tmp_path / "python"
    alone.symlink_to(sys.executable)
    done = subprocess.run(
        [alone, "-c", RELEASE, str(tmp_path / "store")],
        cwd=ROOT,
        env=environment() | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "EmbeddedStoreError: secantusd-py is not installed here" in done.stderr
    assert "set MONGODB_URI" in done.stderr


def test_a_program_that_does_not_start_is_told_with_its_logs(store: Path) -> None:
    store.mkdir()
    (store / "data").write_text("a file where a directory should be")
    with pytest.raises(embedded.EmbeddedStoreError, match=r"server\.log"):
        embedded.acquire(store)


def test_a_place_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(embedded.EmbeddedStoreError, match=r"can't use .*Not a directory"):
        embedded.acquire(tmp_path / "file" / "store")

"""The embedded store: one MongoDB-compatible server per checkout, shared by all its processes.

``secantusd-py`` is run as a program under a *keeper*, a small process of its own that starts with
the first process that needs the store and stops the server cleanly when the last one is gone.
Locks (``flock``) alone say who is there, because the kernel releases a lock however a process
ends, by ``kill -9`` too:

=============== ============================================ ==================================
file            locked by                                    tells
=============== ============================================ ==================================
``in-use``      every process that uses the store, shared    the keeper, when it may stop
``starting``    a process while it looks for, or starts, one that only one of them starts it
``keeper``      the keeper                                   that the server is looked after
``server``      the server, by a descriptor it inherited     that the data are taken
``server.port`` (not locked)                                 where to connect, once it answers
``server.pid``  (not locked)                                 whom to stop if its keeper was killed
``password``    (not locked)                                 what the server asks for, mode 0600
=============== ============================================ ==================================
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PROGRAM = "secantusd-py"
USER = "templatesvc"
# Without directConnection the driver would look for a replica set's other members.
OPTIONS = "?directConnection=true"
# Each write is on the disk before it is acknowledged.
DURABLE = ("--sync-on-commit",)
START_SECONDS = 30
STOP_SECONDS = 10
# The process writes its id down before it becomes the server. So a server can be found even if its
# keeper was killed just after starting it.
BECOME = ("sh", "-c", 'echo $$ > "$0" && exec "$@"')
LISTENING = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")

_held: dict[Path, int] = {}


class EmbeddedStoreError(Exception):
    """The embedded server could not be started; the text says what to do."""


def program() -> str | None:
    """Return the path of the server program: beside this Python first, then on PATH; or None."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else shutil.which(PROGRAM)


def acquire(directory: Path, *options: str) -> str:
    """Make sure that the store in ``directory`` runs while this process lives; return its URI.

    A server that has to be started is given the options; by default DURABLE. Safe to call from any
    number of processes at once. Children made by ``fork`` share the hold. Raises
    EmbeddedStoreError.
    """
    directory = directory.resolve()
    try:
        port = _port_of_running(directory, options or DURABLE)
    except OSError as error:
        raise EmbeddedStoreError(
            f"The embedded store can't use {directory}: {error.strerror or error}. "
            "Mend that, or set MONGODB_URI to a MongoDB server."
        ) from error
    return _uri(port, (directory / "password").read_text())


def running(directory: Path) -> str:
    """Return the URI of the store in ``directory``, with a shell command in place of the password.

    It is empty if the store does not run.
    """
    port = _number(directory / "server.port")
    is_running = port and not _is_free(directory / "server")
    return _uri(port, f"$(cat {directory / 'password'})") if is_running else ""


def _uri(port: int, password: str) -> str:
    # Without retryWrites, because PyMongo repeats a write with another maxTimeMS, and this server
    # takes that for a new write: a write whose answer was lost would be done twice.
    options = f"{OPTIONS}&authSource=admin&retryWrites=false"
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/{options}"


def keep_across_exec(directory: Path) -> None:
    """Let the hold of ``acquire`` outlive an ``exec`` of this process."""
    os.set_inheritable(_held[directory.resolve()], True)


def _port_of_running(directory: Path, options: Sequence[str]) -> int:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory not in _held:
        _held[directory] = _lock(directory / "in-use", fcntl.LOCK_SH)
    with _locked(directory / "starting"):
        if not _is_free(directory / "keeper") and (port := _wait_until_ready(directory)):
            return port
        # No keeper was there, or it had stopped its server and was about to end.
        _start_keeper(directory, options)
        if port := _wait_until_ready(directory):
            return port
    raise _not_started(directory)


def _lock(path: Path, kind: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(path: Path) -> bool:
    try:
        # A shared lock, so that two processes that ask at once don't see each other as the owner.
        os.close(_lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _number(path: Path) -> int:
    """Return the number that a file holds; 0 if there is no file, or no number in it yet."""
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _start_keeper(directory: Path, options: Sequence[str]) -> None:
    server_program = program()
    if server_program is None:
        raise EmbeddedStoreError(
            f"{PROGRAM} is not installed here: install requirements-run.txt with Python 3.11 to "
            "3.13, or set MONGODB_URI to a MongoDB server (or to mongomock:// to keep nothing)."
        )
    # Of what an ended keeper left only the port matters: clients may wait for a server there.
    port = _number(directory / "server.port")
    (directory / "server.port").unlink(missing_ok=True)
    with _locked(directory / "keeper") as keeper_lock, (directory / "keeper.log").open("ab") as log:
        # A session of its own: Ctrl-C in a terminal must reach the service, not its database.
        keeper = subprocess.Popen(
            [sys.executable, "-m", __name__, str(port), str(directory), server_program, *options],
            cwd=Path(__file__).parent.parent.parent,
            pass_fds=[keeper_lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    # The keeper usually outlives this process; waiting for it leaves no zombie if it ends first.
    threading.Thread(target=keeper.wait, daemon=True).start()


def _wait_until_ready(directory: Path) -> int:
    """Return the server's port once it answers, 0 if its keeper has ended.

    Raises EmbeddedStoreError if neither happens in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        port = _number(directory / "server.port")
        if port and not _is_free(directory / "server"):
            return port
        if _is_free(directory / "keeper"):
            return 0
        time.sleep(0.02)
    raise _not_started(directory)


def _not_started(directory: Path) -> EmbeddedStoreError:
    return EmbeddedStoreError(
        f"The embedded store did not start; {directory}/server.log and keeper.log say why. "
        "Mend that, or set MONGODB_URI to a MongoDB server."
    )


class Keeper:
    """Runs the server of one directory until no process uses it any more."""

    def __init__(self, directory: Path, server_program: str, *options: str) -> None:
        self.directory = directory
        self.program = server_program
        self.options = options
        self.stopping = False
        self.server: subprocess.Popen[bytes] | None = None

    def run(self, last_port: int) -> None:
        """Start the server, again on the same port if it dies, and return when it is stopped."""
        # Clients of a server that is replaced look for it at its old port.
        port = last_port if self._end_orphan() else 0
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        threading.Thread(target=self._stop_after_last_user, daemon=True).start()
        if not (self.directory / "password").exists():
            self._set_password()
        while not self.stopping:
            port = self._serve(port)

    def stop(self) -> None:
        """Have the server close its files and end; ``run`` returns when it has."""
        self.stopping = True
        if self.server:
            self._terminate(self.server)

    def _terminate(self, server: subprocess.Popen[bytes]) -> None:
        server.terminate()
        # A server that hangs may be killed: what it acknowledged is on the disk.
        killer = threading.Timer(STOP_SECONDS, server.kill)
        killer.daemon = True
        killer.start()

    def _stop_after_last_user(self) -> None:
        # Held until this process ends: a process that comes now waits, and starts a new server.
        self._last_user = _lock(self.directory / "in-use", fcntl.LOCK_EX)
        self.stop()

    def _end_orphan(self) -> bool:
        """Stop a server whose keeper was killed; tell whether there was one."""
        started, sent = time.monotonic(), None
        while not _is_free(self.directory / "server"):
            late = time.monotonic() > started + STOP_SECONDS
            due = signal.SIGKILL if late else signal.SIGTERM
            # The lock proves that the process with this id is the server and no other.
            if due != sent and (pid := _number(self.directory / "server.pid")):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, due)
                sent = due
            time.sleep(0.02)
        return sent is not None

    def _set_password(self) -> None:
        """Have the server ask everybody for a password that only this account can read.

        A server's first user can be made only while it asks for no password, so it is started once
        without one. For that second it listens on a port that nobody knows, and users whom anybody
        else has made are dropped.
        """
        from pymongo import MongoClient  # here, so that a keeper, which runs for weeks, stays small

        password = secrets.token_urlsafe(32)
        address = f"mongodb://127.0.0.1:{self._start(0)}/{OPTIONS}"
        with MongoClient[dict[str, Any]](address) as client:
            for other in list(client.admin["system.users"].find()):
                client[other["db"]].command("dropUser", other["user"])
            client.admin.command("createUser", USER, pwd=password, roles=["root"])
        assert self.server is not None
        self._terminate(self.server)
        self.server.wait()
        new = self.directory / "password.new"
        new.touch(mode=0o600)
        with new.open("w") as file:
            file.write(password)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self.directory / "password")

    def _serve(self, port: int) -> int:
        """Run the server once, from start to end; return the port it had."""
        port = self._start(port, "--auth")
        address = self.directory / "server.port"
        address.with_suffix(".new").write_text(str(port))
        address.with_suffix(".new").rename(address)
        assert self.server is not None
        self.server.wait()
        address.unlink(missing_ok=True)
        return port

    def _start(self, port: int, *options: str) -> int:
        """Start the server; return its port once it listens."""
        log = self.directory / "server.log"
        (self.directory / "server.pid").unlink(missing_ok=True)
        with _locked(self.directory / "server") as lock, log.open("wb") as output:
            self.server = subprocess.Popen(
                [*BECOME, str(self.directory / "server.pid"), self.program]
                + ["--host", "127.0.0.1", "--port", str(port)]
                + ["--storage-path", str(self.directory / "data"), *self.options, *options],
                pass_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        if self.stopping:
            self._terminate(self.server)
        return self._wait_for_port(log)

    def _wait_for_port(self, log: Path) -> int:
        assert self.server is not None
        while self.server.poll() is None:
            if match := LISTENING.search(log.read_bytes()):
                return int(match[1])
            time.sleep(0.02)
        raise SystemExit(f"{self.program} ended with status {self.server.returncode}; see {log}.")


if __name__ == "__main__":
    Keeper(Path(sys.argv[2]), *sys.argv[3:]).run(last_port=int(sys.argv[1]))

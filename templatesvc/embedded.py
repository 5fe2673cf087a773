"""The embedded store: one MongoDB-compatible server per checkout, shared by all its processes.

``secantusd-py`` is run as a program under a *keeper*, a small process of its own that starts with
the first process that needs the store and stops the server cleanly when the last one is gone.
Who is there is told by ``flock`` alone, because the kernel releases a lock whatever way a process
ends, ``kill -9`` included:

=============== ============================================ ==================================
file            locked by                                    tells
=============== ============================================ ==================================
``in-use``      every process that uses the store, shared    the keeper, when it may stop
``starting``    a process while it looks for, or starts, one that only one of them starts it
``keeper``      the keeper                                   that the server is looked after
``server``      the server, by a descriptor it inherited     that the data are taken
``server.json`` (not locked) process id and port             where to connect
=============== ============================================ ==================================
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROGRAM = "secantusd-py"
START_SECONDS = 30
STOP_SECONDS = 30
LISTENING = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")

_held: dict[Path, int] = {}


class EmbeddedStoreError(Exception):
    """The embedded server could not be started; the text says what to do."""


class Server(NamedTuple):
    """A server that answers: its process id, and its port on the loopback address."""

    pid: int
    port: int


def program() -> str | None:
    """Return the path of the server program: beside this Python first, then on PATH; or None."""
    beside = Path(sys.executable).with_name(PROGRAM)
    return str(beside) if beside.exists() else shutil.which(PROGRAM)


def acquire(directory: Path) -> str:
    """Make sure that the store in ``directory`` runs while this process lives; return its URI.

    Safe to call from any number of processes at once. Children made by ``fork`` share the hold.
    Raises EmbeddedStoreError.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    if directory not in _held:
        _held[directory] = _lock(directory / "in-use", fcntl.LOCK_SH)
    with _locked(directory / "starting"):
        if _is_free(directory / "keeper"):
            _start_keeper(directory)
        server = _wait_until_ready(directory)
    # Without directConnection the driver would look for a replica set's other members.
    return f"mongodb://127.0.0.1:{server.port}/?directConnection=true"


def keep_across_exec(directory: Path) -> None:
    """Let the hold of ``acquire`` outlive an ``exec`` of this process."""
    os.set_inheritable(_held[directory.resolve()], True)


def _lock(path: Path, kind: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_free(path: Path) -> bool:
    try:
        os.close(_lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _address(directory: Path) -> Server | None:
    try:
        return Server(**json.loads((directory / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _start_keeper(directory: Path) -> None:
    server_program = program()
    if server_program is None:
        raise EmbeddedStoreError(
            f"{PROGRAM} is not installed here: install requirements-dev.txt with Python 3.11 to "
            "3.13, or set MONGODB_URI to a MongoDB server (or to mongomock:// to keep nothing)."
        )
    keeper_lock = _lock(directory / "keeper", fcntl.LOCK_EX)
    try:
        # A session of its own: Ctrl-C in a terminal must reach the service, not its database.
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(directory), str(keeper_lock), server_program],
            cwd=Path(__file__).parent.parent,
            pass_fds=[keeper_lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(directory / "keeper.log").open("ab"),
            start_new_session=True,
        )
    finally:
        os.close(keeper_lock)


def _wait_until_ready(directory: Path) -> Server:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = _address(directory)
        if server and not _is_free(directory / "server"):
            return server
        if _is_free(directory / "keeper"):
            break
        time.sleep(0.02)
    raise EmbeddedStoreError(
        f"The embedded store did not start; {directory}/server.log and keeper.log say why. "
        "Mend that, or set MONGODB_URI to a MongoDB server."
    )


class Keeper:
    """Runs the server of one directory until no process uses it any more."""

    def __init__(self, directory: Path, server_program: str) -> None:
        self.directory = directory
        self.program = server_program
        self.stopping = False
        self.server: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start the server, again on the same port if it dies, and return when it is stopped."""
        port = self._end_orphan()
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        threading.Thread(target=self._stop_after_last_user, daemon=True).start()
        while not self.stopping:
            port = self._serve(port)

    def stop(self) -> None:
        """Have the server close its files and end; ``run`` returns when it has."""
        self.stopping = True
        if self.server:
            self.server.terminate()

    def _stop_after_last_user(self) -> None:
        # Kept until this process ends: who comes now waits for the stop, then starts anew.
        self._last_user = _lock(self.directory / "in-use", fcntl.LOCK_EX)
        self.stop()

    def _end_orphan(self) -> int:
        """Stop a server whose keeper was killed; return its port, where clients may wait, or 0."""
        orphan = _address(self.directory)
        (self.directory / "server.json").unlink(missing_ok=True)
        if orphan is None or _is_free(self.directory / "server"):
            return 0
        # The lock proves that the process of this id is the server: it can't be another one.
        os.kill(orphan.pid, signal.SIGTERM)
        os.close(_lock(self.directory / "server", fcntl.LOCK_EX))
        return orphan.port

    def _serve(self, port: int) -> int:
        """Run the server once, from start to end; return the port it had."""
        log = self.directory / "server.log"
        lock = _lock(self.directory / "server", fcntl.LOCK_EX)
        with log.open("wb") as output:
            self.server = subprocess.Popen(
                [self.program, "--host", "127.0.0.1", "--port", str(port)]
                + ["--storage-path", str(self.directory / "data")]
                + ["--sync-on-commit", "--cache-size", "256M"],
                pass_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        os.close(lock)
        if self.stopping:
            self.server.terminate()
        port = self._wait_for_port(log)
        address = self.directory / "server.json"
        address.with_suffix(".new").write_text(json.dumps({"pid": self.server.pid, "port": port}))
        address.with_suffix(".new").rename(address)
        self.server.wait()
        address.unlink(missing_ok=True)
        return port

    def _wait_for_port(self, log: Path) -> int:
        assert self.server is not None
        while self.server.poll() is None:
            if match := LISTENING.search(log.read_bytes()):
                return int(match[1])
            time.sleep(0.02)
        raise SystemExit(f"{self.program} ended with status {self.server.returncode}; see {log}.")


if __name__ == "__main__":
    Keeper(Path(sys.argv[1]), sys.argv[3]).run()

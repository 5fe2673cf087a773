"""Real processes for the tests: the service under gunicorn, MongoDB servers, and a checkout.

Each leads a process group of its own and is killed with it when its ``with`` block ends.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import pytest

from templatesvc.mongo import embedded

ROOT = Path(__file__).resolve().parent.parent
# Another build of the embedded server's program, and the file of the Flask service itself, where
# somebody has them; without it tests.templates_app.flask.standin takes its place.
SECANTUSD = os.environ.get("TESTS_SECANTUSD")
ORIGINAL = Path(path) if (path := os.environ.get("TESTS_FLASK_APP")) else None
PATIENCE = 150  # seconds, for what should take one: a slow machine must not fail a test
KEY = "a-key-for-tests-over-processes-of-48-characters-"
Item = TypeVar("Item")
Result = TypeVar("Result")
INHERITED = re.compile(r"PATH|HOME|LANG|LC_.*|TMPDIR|PYTHON.*|COVERAGE.*")


def environment(**settings: str) -> dict[str, str]:
    """Return an environment with these settings of the service and no others."""
    return {n: v for n, v in os.environ.items() if INHERITED.fullmatch(n)} | settings


def wait_for(condition: Callable[[], Result | None], what: str) -> Result:
    """Return what the condition returns as soon as it is true; fail the test if it stays false."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    pytest.fail(f"waited {PATIENCE} s in vain: {what}")


def at_once(items: Iterable[Item], call: Callable[[Item], Result]) -> list[Result]:
    """Call with all items, many at the same time; return what comes back, in their order."""
    with ThreadPoolExecutor(24) as pool:
        return list(pool.map(call, items))


def heed_signals() -> None:
    """Have a new process end by what ends a program: under nohup, and after an &, it would not."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def free_port() -> int:
    """Return a port that nothing listens on, and that nobody else is given meanwhile."""
    # Each process of the run has ports of its own, below those that systems give to clients.
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % processes
    while True:
        port = 10_000 + secrets.randbelow(20_000 // processes) * processes + process
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def manage(
    *arguments: str, checkout: Path = ROOT, seconds: float = 2 * PATIENCE, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py to its end."""
    return subprocess.run(
        [sys.executable, str(checkout / "manage.py"), *arguments],
        cwd=checkout,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class Process:
    """A program that runs until it is told to end, its output in a file."""

    def __init__(
        self, command: Iterable[str], log: Path, cwd: Path = ROOT, **settings: str
    ) -> None:
        self.command = list(command)
        self.log = log
        self.cwd = cwd
        self.environment = environment(**settings)
        self.popen: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, anew if it has run before."""
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=heed_signals,
            )

    @property
    def pid(self) -> int:
        assert self.popen is not None
        return self.popen.pid

    @property
    def output(self) -> str:
        return self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group, as a terminal does."""
        os.killpg(self.pid, number)

    def wait(self) -> int:
        """Wait for its end; return its exit status."""
        assert self.popen is not None
        return self.popen.wait(2 * PATIENCE)

    def stop(self) -> int:
        """Have it end by itself, as a service manager does; return its exit status."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it and its children on the spot."""
        if self.popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGKILL)
        self.wait()


class MongoServer(Process):
    """A MongoDB-compatible server on a directory, started again on the port it had before."""

    def __init__(self, directory: Path) -> None:
        program = SECANTUSD or embedded.program()
        if program is None:
            pytest.skip(f"needs {embedded.PROGRAM}, or TESTS_SECANTUSD")
        directory.mkdir()
        self.port = free_port()
        super().__init__(
            [program, "--host", "127.0.0.1", "--port", str(self.port)]
            + ["--storage-path", str(directory), "--sync-on-commit", "--cache-size", "256M"],
            directory.with_suffix(".log"),
        )

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/tests?directConnection=true"

    @property
    def patient_uri(self) -> str:
        """A URI with which a slow machine makes no error of its own."""
        return f"{self.uri}&timeoutMS={PATIENCE * 1000}"

    def start(self) -> None:
        super().start()
        wait_for(lambda: "listening on" in self.output, "the MongoDB server listens")

    def build_indexes(self) -> None:
        """Build the indexes without which the service does not start."""
        ran = manage("ensureindexes", MONGODB_URI=self.uri, SECRET_KEY=KEY)
        assert ran.returncode == 0, ran.stderr


class Answer(NamedTuple):
    """An answer of the service."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Service(Process):
    """The service under gunicorn, as ``runservice`` runs it, or runservice itself."""

    answers_at = "/livez"

    def __init__(
        self,
        log: Path,
        command: Iterable[str] = ("-m", "gunicorn", "--config", "python:templatesvc.gunicorn"),
        cwd: Path = ROOT,
        **settings: str,
    ) -> None:
        self.port = free_port()
        defaults = {"SECRET_KEY": KEY, "ALLOWED_HOSTS": "127.0.0.1", "PORT": str(self.port)}
        super().__init__([sys.executable, *command], log, cwd, **defaults | settings)

    def start(self) -> None:
        super().start()
        wait_for(self._answers_or_ended, f"the service answers; {self.log} says why it does not")
        assert self.popen is not None
        assert self.popen.poll() is None, self.output

    def _answers_or_ended(self) -> bool:
        assert self.popen is not None
        try:
            return self.popen.poll() is not None or self.get(self.answers_at).status == 200
        except OSError:
            return False

    def request(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> Answer:
        """Send one request on a connection of its own; a text is sent as it stands.

        Raises OSError, also if no answer comes back.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers = {"Content-Type": "application/json"} | headers
            body = body if isinstance(body, str | bytes) else json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def get(self, path: str, token: str = "", **headers: str) -> Answer:
        return self.request("GET", path, None, token, **headers)

    def post(self, path: str, body: Any, token: str = "") -> Answer:
        return self.request("POST", path, body, token)

    def log_in(self, name: str, password: str = "wonderland-1") -> str:
        """Register somebody; return an access token of theirs."""
        body = {"username": name, "password": password}
        registered = self.post("/api/v1/users", body)
        assert registered.status == 201, registered.text
        token: str = self.post("/api/v1/login", body).json["access_token"]
        return token


class FlaskService(Service):
    """The Flask service under gunicorn: the original if it was given, or else the stand-in."""

    answers_at = "/"

    def __init__(self, log: Path, original: Path | None = ORIGINAL, **settings: str) -> None:
        app = f"{original.stem}:app" if original else "tests.templates_app.flask.standin:app"
        super().__init__(
            log,
            ("-m", "gunicorn", "--workers", "3", "--threads", "4", "--no-control-socket", app),
            cwd=original.parent if original else ROOT,
            **{"JWT_SECRET_KEY": KEY, "PYTHONDONTWRITEBYTECODE": "1"} | settings,
        )
        self.command += ["--bind", f"127.0.0.1:{self.port}"]

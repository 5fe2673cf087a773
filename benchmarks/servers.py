"""The store, and the services that are compared on it, each in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pymongo import MongoClient

from tests.processes import KEY, ROOT, MongoServer, Service, manage

REQUIREMENTS = ROOT / "requirements.txt"
PRODUCTION = ROOT / "var" / "production"
APPLICATION = ("-m", "gunicorn", "--config", "python:benchmarks.gunicorn")


class Contender(NamedTuple):
    """A service that runs, and the database that is its own."""

    name: str
    service: Service
    database: Any

    @property
    def is_flasks(self) -> bool:
        return self.name.startswith("Flask")

    @property
    def is_limit(self) -> bool:
        return self.name == "bare WSGI"

    def megabytes(self) -> list[float]:
        """Return the resident memory of each worker, or of a server without any."""
        return [_resident(pid) for pid in _children(self.service.pid) or [self.service.pid]]

    def processor_seconds(self) -> float:
        """Return the processor time that all its processes have taken."""
        return _ticks(self.service.pid) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    """Return the processor time that a process and its children have taken, in clock ticks."""
    own = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, own)) + sum(map(_ticks, _children(pid)))


def _resident(pid: int) -> float:
    (line,) = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line
    ]
    return int(line.split()[1]) / 1024


@contextmanager
def store() -> Iterator[str]:
    """Yield the URI of the MongoDB server: ``BENCH_MONGODB_URI``, or one that is started."""
    if uri := os.environ.get("BENCH_MONGODB_URI"):
        yield uri
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with MongoServer(Path(folder) / "store") as server:
            yield server.uri


def python_with(requirements: Path, environment: Path) -> str:
    """Return the Python of an environment with these requirements, made when it is not there."""
    installed, wanted = environment / "installed", requirements.read_text()
    python = str(environment / "bin" / "python")
    if not installed.exists() or installed.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", requirements], check=True)
        installed.write_text(wanted)
    return python


def production_python() -> str:
    """Return a Python with what production installs alone.

    What tests need beside it is memory of each worker: DRF loads what it finds.
    """
    return python_with(REQUIREMENTS, PRODUCTION)


class Servers:
    """Starts services on databases of one store, and stops them all."""

    def __init__(self, store_uri: str, prefix: str, workers: int, flask: Path | None) -> None:
        self.store_uri = store_uri
        self.prefix = prefix
        self.workers = workers
        self.flask = flask
        self.python = production_python()
        self.stack = ExitStack()
        self.logs = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.client: MongoClient[dict[str, Any]] = MongoClient(store_uri, tz_aware=True)

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()
        for name in ("ours", "flasks"):
            self.client.drop_database(self.prefix + name)
        self.client.close()

    def uri(self, database: str) -> str:
        return urlsplit(self.store_uri)._replace(path=f"/{self.prefix}{database}").geturl()

    def database(self, name: str) -> Any:
        return self.client[self.prefix + name]

    def build_indexes(self) -> None:
        """Build the service's indexes; the Flask service has none."""
        ran = manage("ensureindexes", MONGODB_URI=self.uri("ours"), SECRET_KEY=KEY)
        assert ran.returncode == 0, ran.stderr

    @contextmanager
    def scratch(self, name: str) -> Iterator[Any]:
        """Yield a database, and drop it."""
        yield self.database(name)
        self.client.drop_database(self.prefix + name)

    def ours(self, workers: int | None = None) -> Contender:
        """Start this service, with the settings that it ships with."""
        count = workers or self.workers
        name = "this service" + (f", {count} workers" if workers else "")
        return self._started(name, Service, "ours", workers=count)

    def ours_with(self, what: str, **settings: str) -> Contender:
        """Start this service with other settings, which are ``what``."""
        return self._started(f"this service, {what}", Service, "ours", None, **settings)

    def limit(self) -> Contender:
        """Start the bare WSGI function on this service's database."""
        command = (*APPLICATION, "benchmarks.baseline:app")
        return self._started("bare WSGI", AtRoot, "ours", None, command=command)

    def flask_alike(self) -> Contender:
        """Start the Flask service under the server that this service ships with."""
        return self._started("Flask", AtRoot, "flasks", None, **self._flask(*APPLICATION))

    def flask_as_usual(self) -> Contender:
        """Start the Flask service under gunicorn as it comes, one thread a worker."""
        command = ("-m", "gunicorn", "--no-control-socket", "--workers", str(self.workers))
        return self._started("Flask, sync", AtRoot, "flasks", None, **self._flask(*command))

    def _flask(self, *command: str) -> dict[str, Any]:
        if self.flask is None:
            return {"command": (*command, "tests.templates_app.flask.standin:app")}
        return {"command": (*command, f"{self.flask.stem}:app"), "cwd": self.flask.parent}

    def _started(
        self,
        name: str,
        kind: type[Service],
        database: str,
        workers: int | None,
        **how: Any,
    ) -> Contender:
        service = kind(
            self.logs / name.replace(" ", "-"),
            **how,
            MONGODB_URI=self.uri(database),
            JWT_SECRET_KEY=KEY,
            WEB_CONCURRENCY=str(workers or self.workers),
            PYTHONPATH=str(ROOT),
            GLIBC_TUNABLES="glibc.malloc.hugetlb=1",  # as the image has it
        )
        if kind is Service:
            service.command[0] = self.python
        return Contender(name, self.stack.enter_context(service), self.database(database))


class AtRoot(Service):
    """An application that has no ``/livez``, and takes its port from the command or PORT."""

    answers_at = "/"

    def start(self) -> None:
        if "gunicorn" in self.command and "--config" not in self.command:
            self.command += ["--bind", f"127.0.0.1:{self.port}"]
        super().start()

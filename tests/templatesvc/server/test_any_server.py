"""``templatesvc.wsgi`` on other servers: each speaks for itself, none needs to know the service."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from pymongo.database import Database

from tests.answers import told
from tests.conftest import uri_of
from tests.docs.test_curl_session import differences
from tests.processes import KEY, PATIENCE, Service, free_port, manage

pytestmark = pytest.mark.wire


class Server(NamedTuple):
    """How a server is told to serve; ``terminates``: whether it says where a chunked body ends."""

    package: str
    arguments: Callable[[int], tuple[str, ...]]
    terminates: bool = True


SERVERS = {
    "gunicorn": Server(
        "gunicorn",
        lambda port: (
            ("-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--no-control-socket")
            + ("--threads", "4", "templatesvc.wsgi")
        ),
    ),
    "waitress": Server(
        "waitress",
        lambda port: (
            ("-m", "waitress", f"--listen=127.0.0.1:{port}") + ("templatesvc.wsgi:application",)
        ),
    ),
    "granian": Server(
        "granian",
        lambda port: (
            ("-m", "granian", "--interface", "wsgi", "--port", str(port))
            + ("--blocking-threads", "2", "templatesvc.wsgi:application")
        ),
    ),
    "uwsgi": Server(
        "pyuwsgi",
        lambda port: (
            ("-c", "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])")
            + ("--http-socket", f"127.0.0.1:{port}", "--post-buffering", "65536")
            + ("--master", "--enable-threads", "--threads", "4", "--die-on-term", "--need-app")
            + ("--module", "templatesvc.wsgi:application")
        ),
        terminates=False,
    ),
}

OTHERS = sorted(SERVERS.keys() - {"gunicorn"})


# One of them in each run, all of them in a long one.
@pytest.fixture(params=["gunicorn", *(pytest.param(n, marks=pytest.mark.long) for n in OTHERS)])
def server(request: pytest.FixtureRequest) -> Server:
    server = SERVERS[request.param]
    if not find_spec(server.package):
        pytest.skip(f"{server.package} is not installed")
    return server


class Served(Service):
    """The service on such a server."""

    def __init__(self, server: Server, log: Path, **variables: str) -> None:
        super().__init__(log, (), **variables)
        self.port = free_port()
        self.command += server.arguments(self.port)


@pytest.fixture
def served(server: Server, tmp_path: Path) -> Iterator[Served]:
    with Served(server, tmp_path / "log", MONGODB_URI=settings.MONGODB_URI) as service:
        yield service


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_curl_session_answers_as_printed(served: Served) -> None:
    assert differences(served.port) == []


def test_a_chunked_body_is_read_or_refused(server: Server, served: Served) -> None:
    token = served.log_in("alice")
    head = (
        f"POST /create HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    body = b'{"template": "in chunks"}'
    with closing(socket.create_connection(("127.0.0.1", served.port), PATIENCE)) as connection:
        connection.sendall(head.encode() + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        answer = connection.recv(65536)
    assert answer.split(b" ")[1] == (b"200" if server.terminates else b"411")


def test_without_indexes_it_says_what_to_run(
    server: Server, flask_database: Database[dict[str, Any]], tmp_path: Path
) -> None:
    service_uri = uri_of(flask_database)
    with Served(server, tmp_path / "log", MONGODB_URI=service_uri) as service:
        body = {"username": "alice", "password": "wonderland-1"}
        refused = service.post("/api/v1/users", body)
        assert refused.status == 503
        assert "Run: python manage.py ensureindexes" in told(refused)
        assert "Retry-After" in refused.headers
        for path in ("/", "/api/v1/users/me", "/nothing", "/static/admin/css/base.css", "/readyz"):
            assert service.get(path).status == 503
        assert service.get("/livez").status == 200
        assert manage("ensureindexes", SECRET_KEY=KEY, MONGODB_URI=service_uri).returncode == 0
        assert service.post("/api/v1/users", body).status == 201

"""The runbook of taking over: each of its commands is run, in its order."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tests.conftest import uri_of
from tests.docs.markdown import ROOT, blocks, document, section
from tests.docs.test_deployment import PATH
from tests.processes import PATIENCE, FlaskService, Service, free_port
from tests.templates_app.flask.flask_data import password_of, spoil

DOCUMENT = "docs/takeover.md"
SETTING = re.compile(r"^(?:export|unset) .*$", re.M)


class Shell:
    """Runs the blocks of the document on another database and port, and remembers its settings."""

    def __init__(self, uri: str) -> None:
        self.port = free_port()
        self.uri = uri
        self.settings: list[str] = []
        self.left = blocks(document(DOCUMENT))

    def next(self) -> str:
        """Return the next block as it is to be run, its settings taken."""
        block = self.left.pop(0).replace("mongodb://127.0.0.1:27017/mydatabase", self.uri)
        block = block.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        self.settings += SETTING.findall(block)
        return SETTING.sub("", block).strip()

    def run(self, commands: str) -> str:
        """Run commands to their end; return what they print."""
        ran = subprocess.run(
            ["bash", "-euc", "\n".join([*self.settings, commands])],
            cwd=ROOT,
            env={"PATH": PATH},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, f"{commands}: {ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    def serving(self, command: str, log: Path) -> Service:
        """Return the service as a command starts it."""
        service = Service(log, PATH=PATH)
        service.command = ["bash", "-euc", "\n".join([*self.settings, f"exec {command}"])]
        service.port = self.port
        return service


@pytest.fixture
def flask(flask_database: Database[Any], tmp_path: Path) -> Iterator[FlaskService]:
    """The Flask service, with its secret as the document has it, on a database that it spoilt."""
    secret = re.search(r"^export JWT_SECRET_KEY='(.*)'$", document(DOCUMENT), re.M)
    assert secret
    spoil(flask_database)
    log, uri = tmp_path / "flask", uri_of(flask_database)
    with FlaskService(log, MONGODB_URI=uri, JWT_SECRET_KEY=secret[1]) as service:
        yield service


def log_in(service: Service, **headers: str) -> Any:
    body = {"username": "ben", "password": password_of("ben")}
    return service.request("POST", "/api/v1/login", body, **headers)


@pytest.mark.long
@pytest.mark.wire
def test_each_command_does_what_the_document_says(
    flask: FlaskService, flask_database: Database[Any], tmp_path: Path
) -> None:
    shell = Shell(uri_of(flask_database))
    assert shell.next() == ""  # settings alone

    # Before.
    assert "What is marked with ! stands in the way" in shell.run(shell.next())
    assert "users quarantined" in shell.run(shell.next())
    assert log_in(flask).status == 200

    # Side by side, and switching the traffic.
    check, gunicorn = shell.next().splitlines()
    assert "FLASK_SIDE_BY_SIDE is on" in shell.run(check)
    with shell.serving(gunicorn, tmp_path / "gunicorn") as service:
        shell.run(shell.next())
        pair = log_in(service, **{"X-Forwarded-For": "203.0.113.9"}).json
        theirs, ours = log_in(flask).json["access_token"], pair["access_token"]
        sessions = service.get("/api/v1/sessions", ours).json["results"]
        assert [session["ip"] for session in sessions] == ["203.0.113.9"]
        for each in (flask, service):
            assert each.get("/get", theirs).json == each.get("/get", ours).json
            assert each.get("/get", ours).status == 200

    # After.
    assert "FLASK_SIDE_BY_SIDE is on" not in shell.run(shell.next())
    with shell.serving(gunicorn, tmp_path / "restarted") as service:
        assert service.get("/get", ours).status == 200
        body = {"refresh_token": pair["refresh_token"]}
        assert service.post("/api/v1/token/refresh", body).status == 200
        assert service.get("/get", theirs).status == 401
    assert "passwords wrapped" in shell.run(shell.next())
    assert "Nothing stands in the way." in shell.run(shell.next())
    assert log_in(flask).status == 401

    # Going back.
    assert "users put back" in shell.run(shell.next())
    assert shell.left == []
    assert list(flask_database["templates"].index_information()) != ["_id_"]
    assert flask_database["quarantine"].count_documents({}) == 0


def test_the_sections_are_in_the_order_of_the_work() -> None:
    headings = re.findall(r"^## (.*)$", document(DOCUMENT), re.M)
    assert headings == [
        *("Before", "Side by side", "Switching the traffic", "After"),
        *("The end of the Flask routes", "Going back"),
    ]
    assert "FLASK_SIDE_BY_SIDE" in section(DOCUMENT, "Side by side")

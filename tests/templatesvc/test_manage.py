"""What manage.py says where a command can't do what it is for: sentences, and no traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from pymongo.errors import AutoReconnect, OperationFailure
from pytest_django import Settings

from templatesvc.management.instead import INSTEAD, instead_of
from templatesvc.mongo import embedded
from templatesvc.mongo.errors import failing_of, sentence_of
from tests.left_out import mostly_long
from tests.processes import KEY, ROOT, environment, manage

pytestmark = pytest.mark.process

# As where requirements.txt alone is installed.
WITHOUT_MONGOMOCK = """
import runpy, sys
sys.modules["mongomock"] = None
runpy.run_path("manage.py", run_name="__main__")
"""
# A user of the embedded store, until its input ends.
HOLD = """
import sys
from pathlib import Path
from templatesvc.mongo import embedded
print(embedded.acquire(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
# Those of Django's, and of the apps that come with it, which work.
WORK = {
    *("check", "diffsettings", "findstatic", "runserver", "shell", "spectacular"),
    *("startapp", "startproject", "changepassword", "createsuperuser"),
}


@pytest.mark.parametrize("command", ["check", "runservice", "ensureindexes", "help"])
def test_bad_settings_end_every_command_with_a_sentence_for_each(command: str) -> None:
    wrong = {"PORT": "abc", "LOGIN_LIMIT_PER_USER": "often", "SECRET_KEY_FILE": "/nowhere"}
    ran = manage(command, MONGODB_URI="mongomock://", **wrong)
    assert ran.returncode == 1
    assert ran.stdout == ""
    first, *faults = ran.stderr.splitlines()
    assert first == "Correct these environment variables:"
    named = [fault.partition(": ")[0] for fault in faults]
    assert named == ["SECRET_KEY", "LOGIN_LIMIT_PER_USER", "PORT"]
    assert all(fault.endswith(".") for fault in faults)


@pytest.mark.parametrize(
    "hosts",
    [
        *("https://example.org", "example.org:8000", "example.org/templates", "::1", "[::1]:8000"),
        *("*.example.org", "example.org.", "m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller.example"),
        *("", ",", "a b", "localhost,http://127.0.0.1"),
    ],
)
def test_what_no_host_header_can_match_is_no_allowed_host(hosts: str) -> None:
    ran = manage("check", MONGODB_URI="mongomock://", ALLOWED_HOSTS=hosts)
    assert ran.returncode == 1
    _, fault = ran.stderr.splitlines()
    assert fault.startswith("ALLOWED_HOSTS: Must be host names")
    assert hosts.rpartition(",")[2] in fault


def test_names_of_every_kind_are_allowed_hosts() -> None:
    hosts = "Example.org,.example.org,192.0.2.1,[2001:db8::1],my_service,xn--mller-kva.example"
    assert manage("check", MONGODB_URI="mongomock://", ALLOWED_HOSTS=hosts).returncode == 0


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8000.5"])
def test_a_port_that_there_is_not_is_refused(port: str) -> None:
    ran = manage("check", MONGODB_URI="mongomock://", PORT=port)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 2)
    assert "PORT: " in ran.stderr


def test_a_taken_port_is_told_before_anything_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = manage("runservice", MONGODB_URI="mongodb://127.0.0.1:1/", SECRET_KEY=KEY, PORT=port)
    assert (ran.returncode, ran.stdout) == (1, "")
    (said,) = ran.stderr.splitlines()
    assert said.startswith(f"CommandError: Port {port} can't be used: Address already in use.")
    assert "Set PORT to another port" in said


def test_a_check_of_a_store_that_is_away_says_so() -> None:
    uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
    ran = manage("check", "--database", "default", MONGODB_URI=uri, SECRET_KEY=KEY)
    assert (ran.returncode, ran.stdout) == (1, "")
    (said,) = ran.stderr.splitlines()
    assert said.startswith("The store does not answer: 127.0.0.1:1: ")


def test_a_store_that_refuses_is_told_from_one_that_does_not_answer() -> None:
    """Its message without the data, which the details hold."""
    refused = OperationFailure("no", 18, {"errmsg": "Authentication failed.", "data": "secret"})
    told = {"refuses: Authentication failed.": refused, "does not answer: x": AutoReconnect("x")}
    for said, error in told.items():
        assert failing_of(error) == said
        assert sentence_of(error) == f"The store {said} (manage.py doctor looks for the cause)"


def test_without_mongomock_the_store_in_memory_says_what_to_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_MONGOMOCK, "check"],
        cwd=ROOT,
        env=environment(MONGODB_URI="mongomock://"),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    assert "(templatesvc.E011)" in ran.stderr
    assert "Install requirements-run.txt" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    mostly_long(
        ("migrate", "python manage.py ensureindexes"),
        ("makemigrations", "python manage.py ensureindexes"),
        ("showmigrations", "python manage.py ensureindexes"),
        ("test", "make test"),
        ("dbshell", 'Enter use mydatabase in its shell: mongosh "$MONGODB_URI"'),
        ("flush", 'db.getSiblingDB("mydatabase").dropDatabase() in: mongosh "$MONGODB_URI"'),
        ("dumpdata", 'mongodump --db=mydatabase --archive=FILE "$MONGODB_URI"'),
        ("loaddata", 'mongorestore --archive=FILE "$MONGODB_URI"'),
        ("inspectdb", "everything is in MongoDB"),
        ("collectstatic", "delivers its static files itself"),
        ("generateschema", "python manage.py spectacular"),
    ),
)
def test_a_command_that_can_do_nothing_here_says_what_to_do_instead(
    command: str, said: str
) -> None:
    uri = "mongodb://ada:a-secret@127.0.0.1:1/"
    ran = manage(command, MONGODB_URI=uri, SECRET_KEY=KEY)
    assert (ran.returncode, ran.stdout) == (1, "")
    (sentence,) = ran.stderr.splitlines()
    assert said in sentence
    assert "a-secret" not in sentence


@pytest.mark.parametrize(
    ("uri", "name"), [("mongodb://h", "films"), ("mongodb://h/books?w=1", "books"), ("", "films")]
)
def test_what_deletes_all_data_names_the_database_of_the_service(
    uri: str, name: str, settings: Settings, tmp_path: Path
) -> None:
    settings.EMBEDDED_STORE, settings.MONGODB_DATABASE = tmp_path / "store", "films"
    settings.MONGODB_URI = uri
    assert f'db.getSiblingDB("{name}").dropDatabase()' in str(instead_of("flush"))
    assert f"use {name} " in str(instead_of("dbshell"))
    assert f"--db={name} " in str(instead_of("dumpdata"))


def test_the_uri_that_is_named_is_the_one_that_counts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONGODB_URI = "mongodb://h/films"
    monkeypatch.setenv("MONGODB_URI", "mongodb://other")
    assert str(instead_of("flush")).endswith('mongosh "$MONGODB_URI"')
    monkeypatch.setenv("MONGODB_URI_FILE", "/run/secrets/uri")
    assert str(instead_of("flush")).endswith('mongosh "$(cat "$MONGODB_URI_FILE")"')


def test_every_command_of_djangos_that_can_do_nothing_here_is_told() -> None:
    ours = {"accounts", "templates_app", "templatesvc"}
    commands = get_commands().items()
    others = {name for name, app in commands if app.split(".")[0] not in ours} - set(INSTEAD)
    assert others - WORK == set()


@pytest.mark.long
def test_the_shell_of_the_embedded_store_is_named_without_its_password(
    settings: Settings, tmp_path: Path
) -> None:
    settings.EMBEDDED_STORE, settings.MONGODB_URI = tmp_path / "store", ""
    assert str(instead_of("dbshell")).endswith("mongosh URI, once the service runs")
    if embedded.program() is None:
        pytest.skip(f"needs {embedded.PROGRAM}")
    command = [sys.executable, "-c", HOLD, str(settings.EMBEDDED_STORE)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout
        uri = user.stdout.readline().decode().strip()
        shell = str(instead_of("dbshell")).partition("mongosh ")[2]
        password = (settings.EMBEDDED_STORE / "password").read_text()
        assert password not in shell
        said = subprocess.run(["sh", "-c", f"echo {shell}"], capture_output=True, check=True)
        assert said.stdout.decode().strip() == uri.replace("/?", "/mydatabase?")


DECLARED = """
from templatesvc.mongo import indexes
at_start = set(map(str, indexes.declared()))
import templatesvc.urls
assert set(map(str, indexes.declared())) == at_start
"""


def test_commands_know_every_index_that_the_service_does() -> None:
    """A document that only a view imports would be missing where ``ensureindexes`` looks."""
    ran = manage("shell", "-v0", "-c", DECLARED, MONGODB_URI="mongomock://")
    assert (ran.returncode, ran.stderr) == (0, "")

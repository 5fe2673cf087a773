"""What the document of deployment, the Dockerfile and compose.yaml say of production."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from pymongo import MongoClient
from pymongo.collection import Collection

from accounts.documents import User
from templates_app.documents import Template
from templatesvc.mongo import embedded, needs
from tests.docs.markdown import ROOT, blocks, document, section, table
from tests.left_out import mostly_long
from tests.processes import KEY, PATIENCE, Service, free_port, wait_for

DOCUMENT = "docs/deployment.md"
PRINTED = blocks(document(DOCUMENT))
# python and gunicorn as a person finds them who has activated the virtual environment.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def printed(text: str) -> str:
    """Return the block of the document that holds a text."""
    (block,) = [block for block in PRINTED if text in block]
    return block


def instructions(name: str) -> list[str]:
    """Return the arguments of an instruction of the Dockerfile, wherever it stands."""
    joined = document("Dockerfile").replace("\\\n", " ")
    return re.findall(rf"^(?:HEALTHCHECK .*)?\b{name} (.*)$", joined, re.M)


def shell(commands: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", commands],
        cwd=cwd,
        env={"PATH": PATH, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(document("compose.yaml"))["services"]
    return services


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A home folder in which the secret was made as the document says."""
    home = str(tmp_path_factory.mktemp("home"))
    assert shell(printed("secrets.token_urlsafe"), HOME=home).returncode == 0
    return home


@pytest.mark.process
def test_the_secret_is_for_its_owner_only(home: str) -> None:
    (key,) = Path(home).iterdir()
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.process
def test_djangos_check_of_the_production_settings_finds_nothing(home: str) -> None:
    ran = shell(printed("check --deploy"), HOME=home)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("System check identified no issues")


@pytest.mark.process
@pytest.mark.parametrize("name", mostly_long("SECRET_KEY_FILE", "HTTPS", "PASSWORD_POLICY"))
def test_the_check_notices_each_setting_that_is_left_out(name: str, home: str) -> None:
    left = re.sub(rf"^export {name}=.*\n", "", printed("check --deploy"), flags=re.M)
    ran = shell(left, HOME=home)
    assert ran.stderr + ran.stdout != ""
    assert not ran.stdout.startswith("System check identified no issues")


@pytest.mark.process
@pytest.mark.parametrize("place", mostly_long(DOCUMENT, "Dockerfile"))
def test_gunicorn_takes_the_command_that_serves(place: str, home: str) -> None:
    said = (
        printed("ensureindexes\ngunicorn")
        if place == DOCUMENT
        else json.loads(instructions("CMD")[-1])[2]
    )
    command = re.search(r"gunicorn .*", said)
    assert command
    exports = re.sub(r"^python .*\n", "", printed("check --deploy"), flags=re.M)
    ran = shell(f"{exports}{command[0]} --check-config", HOME=home, PORT="8000")
    assert ran.returncode == 0, ran.stderr


# --- The image ----------------------------------------------------------------------------------


def test_the_image_installs_what_requirements_txt_names_and_nothing_else() -> None:
    installed = [run for run in instructions("RUN") if "install" in run]
    options = "--no-cache-dir --prefix /packages"
    assert installed == [f"pip install {options} --requirement requirements.txt"]
    assert "--from=packages /packages /usr/local" in instructions("COPY")
    assert "apt" not in " ".join(instructions("RUN"))
    build, run = instructions("FROM")
    assert build.split()[0] == run.removesuffix("-slim")  # else the packages are of another Python


def test_the_embedded_server_is_not_in_production() -> None:
    for name in ("requirements.txt", "Dockerfile", "compose.yaml"):
        assert "secantus" not in document(name).lower()
    assert "secantusdb" in document("requirements-run.txt").lower()
    # requirements.txt names packages only: nothing in it brings another file along.
    lines = [
        line for line in document("requirements.txt").splitlines() if line[:1] not in ("#", "")
    ]
    assert [line for line in lines if not re.match(r"[a-z][\w\[\]-]*==[\w.]+$", line)] == []


def test_the_embedded_server_is_never_imported() -> None:
    for package in ("templatesvc", "accounts", "templates_app", "tests"):
        for source in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    assert "secantus" not in ast.unparse(node), source


def is_sent(path: str) -> bool:
    """Tell whether the build of the image gets a file or folder; the last line counts."""
    lines = [line for line in document(".dockerignore").splitlines() if line[:1] != "#"]
    fitting = [line for line in lines if fnmatch(path, line.strip("!/"))]
    return not fitting or fitting[-1].startswith("!")


def test_the_image_has_every_package_and_no_more() -> None:
    there = {path.name for path in ROOT.iterdir()} | {".env", "var", "docs/problems.md"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    sent = {name for name in there if is_sent(name)}
    assert sent == packages | {"manage.py", "requirements.txt", "docs/problems.md"}


def test_the_image_does_not_run_as_root() -> None:
    assert instructions("USER") == ["templatesvc"]
    assert document("Dockerfile").index("USER ") < document("Dockerfile").index('CMD ["sh"')


def healthcheck(port: int) -> int:
    command = json.loads(instructions("CMD")[0])
    return subprocess.run(
        [sys.executable, *command[1:]], env={"PORT": str(port)}, stderr=subprocess.DEVNULL
    ).returncode


@pytest.mark.process
def test_the_image_is_healthy_while_the_service_is_ready(tmp_path: Path) -> None:
    with Service(
        tmp_path / "log",
        MONGODB_URI="mongomock://",
        ALLOWED_HOSTS="templates.example.org",
        HTTPS="on",
        WEB_CONCURRENCY="1",
    ) as service:
        assert healthcheck(service.port) == 0


@pytest.mark.process
def test_the_image_is_not_healthy_while_nothing_answers() -> None:
    assert healthcheck(free_port()) == 1


# --- compose.yaml -------------------------------------------------------------------------------


def passed_on(given: dict[str, str]) -> dict[str, str]:
    """Return what the service gets of what is set where ``docker compose up`` is run."""
    return {
        name: re.sub(r"\$\{(\w+):[-?]([^}]*)\}", lambda m: given.get(m[1], m[2]), value)
        for name, value in compose()["service"]["environment"].items()
    }


@pytest.mark.process
def test_compose_passes_djangos_check(home: str) -> None:
    given = {"SECRET_KEY": (Path(home) / "templates-key").read_text().strip()}
    given |= {"ALLOWED_HOSTS": "templates.example.org", "HTTPS": "on"}
    environ = passed_on(given)
    ran = shell("python manage.py check --deploy", ROOT, **environ)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_compose_tells_the_service_which_proxy_to_believe() -> None:
    trusting = {"FORWARDED_ALLOW_IPS": "172.18.0.1", "TRUSTED_PROXIES": "172.18.0.1"}
    assert passed_on(trusting).items() >= trusting.items()
    for name in trusting:  # the document says what to set
        assert name in section(DOCUMENT, "With Docker")
    nobody = {"FORWARDED_ALLOW_IPS": "127.0.0.1", "TRUSTED_PROXIES": ""}  # gunicorn's own default
    assert passed_on({}).items() >= nobody.items()


def test_compose_has_no_secret_in_it() -> None:
    assert compose()["service"]["environment"]["SECRET_KEY"].startswith("${SECRET_KEY:?")


def test_compose_builds_the_indexes_before_the_service_starts() -> None:
    assert compose()["indexes"]["command"][-1] == "ensureindexes"
    assert compose()["service"]["depends_on"] == {
        "indexes": {"condition": "service_completed_successfully"}
    }


def test_compose_lets_nobody_outside_reach_the_database() -> None:
    assert "ports" not in compose()["mongo"]


# --- Moving -------------------------------------------------------------------------------------

FILL = """
from pathlib import Path
from pymongo import MongoClient
from templatesvc.mongo import embedded
old = MongoClient(embedded.acquire(Path("var/store")))["older"]
old["users"].insert_one({"_id": 7, "username": "alice", "password": "!"})
old["templates"].insert_one({"profile": "alice", "template": {"kind": "book"}})
"""


@pytest.mark.long
@pytest.mark.wire
@pytest.mark.skipif(not embedded.program(), reason="the embedded store has no wheel here")
def test_what_is_in_the_embedded_store_can_be_taken_along(tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(ROOT), "MONGODB_URI": settings.MONGODB_URI}
    environ |= {"MONGODB_DATABASE": "older", "SECRET_KEY": KEY}
    for commands in (f"python - <<'END'{FILL}END\n", printed("insert_many")):
        ran = shell(commands, tmp_path, **environ)
        assert (ran.returncode, ran.stderr) == (0, "")
    assert [user.id for user in User.objects(username="alice")] == [7]
    assert [each.template for each in Template.objects(owner="alice")] == [{"kind": "book"}]


# --- Other MongoDB-compatible servers ----------------------------------------------------------


def test_the_document_lists_what_the_doctor_tries() -> None:
    listed = table(section(DOCUMENT, "Other MongoDB-compatible servers"))
    assert listed == [[need.name, need.purpose] for need in needs.all_needs()]


# --- Databases ----------------------------------------------------------------------------------


def test_what_a_shell_is_told_names_its_database() -> None:
    """A URI may name none, and the shell then takes one of its own."""
    told = re.findall(r"--eval '(.*)'", document(DOCUMENT))
    assert told
    assert all(each.startswith('db.getSiblingDB("') for each in told)


# --- Backups ------------------------------------------------------------------------------------

LISTED = """
from pathlib import Path
from pymongo import MongoClient
from templatesvc.mongo import embedded
store = MongoClient(embedded.acquire(Path("var/store")))
print(*(found["_id"] for found in store["mydatabase"]["templates"].find()))
"""


@pytest.mark.long
@pytest.mark.wire
@pytest.mark.skipif(not embedded.program(), reason="the embedded store has no wheel here")
def test_a_backup_under_writes_holds_all_that_was_acknowledged_before(tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(ROOT)}
    with MongoClient[dict[str, Any]](embedded.acquire(tmp_path / "var/store")) as client:
        templates = client["mydatabase"]["templates"]
        with written(templates) as acknowledged:
            wait_for(lambda: len(acknowledged) > 50, "templates are written")
            before = set(acknowledged)
            ran = shell(printed("backupArchive"), tmp_path, **environ)
            assert (ran.returncode, ran.stderr) == (0, "")
            wait_for(lambda: len(acknowledged) > len(before) + 50, "and go on being written")
    os.close(embedded._held.pop((tmp_path / "var/store").resolve()))  # lest it runs on
    again = tmp_path / "again"
    (again / "var/store/data").mkdir(parents=True)
    (tmp_path / "templates-backup.tar.gz").rename(again / "templates-backup.tar.gz")
    for commands in (printed("tar -xzf"), f"python - <<'END'{LISTED}END\n"):
        ran = shell(commands, again, **environ)
        assert (ran.returncode, ran.stderr) == (0, "")
    assert {int(id) for id in ran.stdout.split()} >= before


@contextmanager
def written(collection: Collection[dict[str, Any]]) -> Iterator[list[int]]:
    """Write documents, from four threads; the list is of those that were acknowledged."""
    acknowledged: list[int] = []
    stopped, numbers = threading.Event(), count()

    def write() -> None:
        while not stopped.is_set():
            number = next(numbers)
            collection.insert_one({"_id": number, "profile": "alice", "template": "x" * 1000})
            acknowledged.append(number)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield acknowledged
    finally:
        stopped.set()
        for thread in threads:
            thread.join()

"""The service without the Flask service: a copy from which goes what the document says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, bare, document, section, table
from tests.left_out import mostly_long
from tests.processes import PATIENCE, Service, environment

DOCUMENT, SECTION = "docs/starting.md", "Without the Flask service"
UNWANTED = shutil.ignore_patterns(".*", "var", "__pycache__")
PACKAGES = ("templatesvc", "accounts", "templates_app")
pytestmark = pytest.mark.process


def without_section(text: str, title: str) -> str:
    """Return a module without the section of this title, which ends where the next begins."""
    heading = re.escape(title[0].upper() + title[1:])
    shorter, count = re.subn(rf"^# --- {heading} -+\n.*?(?=^# --- )", "", text, flags=re.M | re.S)
    assert count == 1
    return shorter


def without_lines(text: str, word: str) -> str:
    lines = text.splitlines(keepends=True)
    left = [line for line in lines if word not in line]
    assert len(left) < len(lines)
    return "".join(left)


def take_out(folder: Path, where: str, what: str) -> None:
    """Do what a row of the document's table says."""
    path = folder / where
    if what == "the folder":
        shutil.rmtree(path)
    elif title := re.fullmatch(r'the section "(.+)"', what):
        path.write_text(without_section(path.read_text(), title[1]))
    else:
        word = re.fullmatch(r"the lines? that names? `(.+)`", what)
        assert word, what
        path.write_text(without_lines(path.read_text(), word[1]))


def copied(folder: Path, root: Path = ROOT) -> Path:
    return Path(shutil.copytree(root, folder, ignore=UNWANTED))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("without") / "service")
    for where, what in table(section(DOCUMENT, SECTION)):
        take_out(folder, bare(where), what)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment(TESTS_STORE="mongomock://tests"),
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
        check=False,
    )


def test_the_code_says_nothing_of_the_flask_service(copy: Path) -> None:
    sources = [path for name in PACKAGES for path in (copy / name).rglob("*.py")]
    assert [path for path in sources if "flask" in path.read_text().lower()] == []


def test_it_starts_without_templates_as_well(copy: Path, tmp_path: Path) -> None:
    (line,) = re.findall(r"remove the line\n`(.+)` from", document(DOCUMENT))
    folder = copied(tmp_path / "service", copy)
    take_out(folder, "templates_app", "the folder")
    take_out(folder, "templatesvc/settings.py", f"the line that names `{line}`")
    one = {"MONGODB_URI": "mongomock://", "WEB_CONCURRENCY": "1"}
    with Service(tmp_path / "log", cwd=folder, **one) as service:
        token = service.log_in("ada")
        assert service.get("/api/v1/users/me", token).status == 200
        assert service.get("/api/v1/templates", token).status == 404


def test_it_starts_and_answers_problems(copy: Path, tmp_path: Path) -> None:
    person = {"username": "ada", "password": "note-g-of-1843"}
    one = {"MONGODB_URI": "mongomock://", "WEB_CONCURRENCY": "1"}  # each worker has its own store
    with Service(tmp_path / "log", cwd=copy, **one) as service:
        assert service.get("/").status == 404
        for path in ("/api/v1/users", "/api/v1/login"):
            refused = service.post(path, {})
            assert (refused.status, refused.json["code"]) == (400, "invalid")
        registered = service.post("/api/v1/users", person)
        assert (registered.status, registered.json["username"]) == (201, "ada")
        token = service.post("/api/v1/login", person).json["access_token"]
        made = service.post("/api/v1/templates", {"template": "kept"}, token)
        assert (made.status, made.json["template"]) == (201, "kept")


@pytest.mark.parametrize(
    "tests",
    mostly_long(
        ("tests/accounts/test_login.py", "tests/templates_app/test_items.py"),
        (("tests/accounts", "-n2"),),
        (("tests/templatesvc", "-n2"),),
        (("tests/templates_app", "tests/films", "-n2"),),
        (tuple(f"tests/{path.name}" for path in sorted((ROOT / "tests").glob("test_*.py"))),),
    ),
)
def test_the_remaining_tests_pass(tests: tuple[str, ...], copy: Path) -> None:
    which = "not (wire or browser or process or search or long)"
    ran = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-m", which, *tests)
    assert ran.returncode == 0, ran.stdout[-4000:]

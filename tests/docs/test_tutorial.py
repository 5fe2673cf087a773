"""The tutorial, followed to the letter in a copy of the project."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, document
from tests.docs.test_curl_session import ANSWER, matches
from tests.processes import PATIENCE, ROOT, MongoServer, Service, environment, manage

TUTORIAL = "docs/tutorial.md"
MAX_LINES = 40
pytestmark = [
    pytest.mark.process,
    pytest.mark.wire,
    pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed"),
]


def files() -> Iterator[tuple[str, str]]:
    """Yield the files that the tutorial writes, and what is in them."""
    yield from re.findall(
        r"^In `([\w/.]+)`:\n\n```python\n(.*?)^```$", document(TUTORIAL), re.M | re.S
    )


def run(folder: Path, command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run lines of the tutorial in a folder, with the Python of the tests."""
    path = f"{Path(sys.executable).parent}:{environment()['PATH']}"
    return subprocess.run(
        ["bash", "-eu"],
        input=command,
        cwd=folder,
        env=environment(MONGODB_URI="mongomock://", **settings) | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def install(folder: Path) -> None:
    """Add the one line that the tutorial has somebody change in an existing file."""
    (line,) = re.findall(r"^```\n( +\S+\n)^```$", document(TUTORIAL), re.M)
    settings = folder / "templatesvc" / "settings.py"
    app = '    "templates_app",\n'
    settings.write_text(settings.read_text().replace(app, app + line))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which somebody has followed the tutorial up to "Try it"."""
    folder = tmp_path_factory.mktemp("tutorial") / "service"
    unwanted = shutil.ignore_patterns(".*", "var", "__pycache__", "benchmarks")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    start, _ = blocks(document(TUTORIAL))
    ran = run(folder, start)
    assert ran.returncode == 0, ran.stderr
    install(folder)
    for name, content in files():
        (folder / name).write_text(content)
    return folder


def counted_lines(path: Path) -> int:
    """Return how many lines of a file are neither blank nor docstrings, comments or imports."""
    text = path.read_text()
    tree = ast.parse(text)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(bool(line.strip()) and number not in left_out for number, line in lines)


def test_the_app_has_few_lines_and_is_formatted(books: Path) -> None:
    assert sum(map(counted_lines, (books / "books").glob("*.py"))) <= MAX_LINES
    for check in ("ruff check books tests/books", "ruff format --check books tests/books"):
        ran = run(books, f"python -m {check} --config {ROOT / 'ruff.toml'}")
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_app_is_where_apps_belong(books: Path) -> None:
    ran = run(books, "python -m pytest -q -p no:cacheprovider tests/test_layers.py")
    assert ran.returncode == 0, ran.stdout


def test_the_first_test_of_the_app_passes_when_the_app_is_started(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "var", "__pycache__"))
    start, _ = blocks(document(TUTORIAL))
    assert run(folder, start).returncode == 0
    settings = folder / "templatesvc" / "settings.py"
    settings.write_text(
        settings.read_text().replace(
            '    "templates_app",\n', '    "templates_app",\n    "books",\n'
        )
    )
    ran = run(folder, "python -m pytest -q -p no:cacheprovider tests/books")
    assert ran.returncode == 0, ran.stdout


def test_the_app_is_served_as_the_tutorial_says(books: Path, tmp_path: Path) -> None:
    _, session = blocks(document(TUTORIAL))
    with MongoServer(tmp_path / "store") as mongo:
        ran = manage("ensureindexes", checkout=books, MONGODB_URI=mongo.uri, SECRET_KEY="k" * 50)
        assert ran.returncode == 0, ran.stderr
        with Service(tmp_path / "log", cwd=books, MONGODB_URI=mongo.patient_uri) as service:
            ran = run(tmp_path, session, PORT=str(service.port))
    assert (ran.returncode, ran.stderr) == (0, "")
    pairs = zip(ANSWER.findall(session), ran.stdout.splitlines(), strict=True)
    assert [pair for pair in pairs if not matches(*pair)] == []

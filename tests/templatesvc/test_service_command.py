"""What ends a command with a sentence: arguments, keys and files that can't be used."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.accounts.terminal import press, run
from tests.conftest import Person
from tests.left_out import mostly_long
from tests.processes import KEY, ROOT, environment, manage

NOT_UTF_8 = b"\xff".decode(errors="surrogateescape")  # as Python reads an argument
IN_MEMORY = {"MONGODB_URI": "mongomock://", "SECRET_KEY": KEY}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project, in which a command may write."""
    folder = tmp_path / "service"
    unwanted = shutil.ignore_patterns(".*", "var", "__pycache__", "benchmarks")
    shutil.copytree(ROOT, folder, ignore=unwanted)
    shutil.rmtree(folder / "tests")
    (folder / "tests").mkdir()
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        *(["endsessions"], ["deactivateuser"], ["eraseuser"], ["changepassword"]),
        *(["createsuperuser"], ["auditlog", "--user"], ["auditlog", "--document"], ["startapp"]),
    ],
)
def test_an_argument_that_is_not_utf_8_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"^'\\udcff' is not valid UTF-8\."):
        run(*arguments, NOT_UTF_8)


def test_input_that_is_not_utf_8_is_refused(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), "utf-8"))
    with pytest.raises(CommandError, match=r"^The input is not valid UTF-8\."):
        run("changepassword", "alice")
    assert alice.client.get("/api/v1/templates").status_code == 200


@pytest.mark.parametrize(
    ("key", "said", "status"),
    [(EOFError, "input ended", 1), (KeyboardInterrupt, "Interrupted", 130)],
)
def test_ctrl_d_and_ctrl_c_at_a_question_change_nothing(
    key: type[BaseException],
    said: str,
    status: int,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    press(monkeypatch, key)
    with pytest.raises(CommandError, match=said) as ended:
        run("changepassword", "alice")
    assert ended.value.returncode == status
    assert alice.client.get("/api/v1/templates").status_code == 200


@pytest.mark.process
def test_an_app_is_started_from_any_directory(copy: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(copy / "manage.py"), "startapp", "books"],
        cwd=tmp_path,
        env=environment(**IN_MEMORY),
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [copy.name]
    assert {path.name for path in copy.rglob("books/*.py")} > {"documents.py", "test_books.py"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "said"),
    mostly_long(
        (["books", "--document", "book"], "'book' can't be the name of a class"),
        (["class"], "'class' is a word of Python's"),
        (["x" * 300], "File name too long. Correct that"),
        (["accounts"], "accounts exists already"),
    ),
)
def test_an_app_with_a_name_that_can_not_be_is_not_started(
    arguments: list[str], said: str, copy: Path
) -> None:
    ran = manage("startapp", *arguments, checkout=copy, **IN_MEMORY)
    assert ran.returncode == 1
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith("CommandError: ")
    assert said in sentence
    assert list((copy / "tests").iterdir()) == []


@pytest.mark.process
def test_a_file_that_can_not_be_written_is_named(copy: Path) -> None:
    (copy / "tests").rmdir()
    ran = manage("startapp", "books", checkout=copy, **IN_MEMORY)
    (sentence,) = ran.stderr.splitlines()
    assert sentence.startswith(f"CommandError: {copy}/tests/books: No such file or directory.")


@pytest.mark.process
def test_a_name_that_the_terminal_can_not_show_is_written_in_ascii() -> None:
    given = {"DJANGO_SUPERUSER_USERNAME": "zoé", "DJANGO_SUPERUSER_PASSWORD": "secret-1"}
    ascii_terminal = {"PYTHONIOENCODING": "ascii"}
    ran = manage("createsuperuser", "--noinput", **given, **ascii_terminal, **IN_MEMORY)
    assert ran.returncode == 0
    assert "Created the user zo\\xe9." in ran.stdout


@pytest.mark.process
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "shardplan"]
    with subprocess.Popen(
        command,
        env=environment(**IN_MEMORY),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as ran:
        assert ran.stdout and ran.stderr
        ran.stdout.close()
        assert ran.stderr.read() == b""

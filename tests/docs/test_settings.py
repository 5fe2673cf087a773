"""The README's table of settings and the code that reads them, each held to the other."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from templatesvc import settings
from tests.docs.markdown import ROOT, bare, section, table

pytestmark = pytest.mark.process

READ = (
    "import json; from templatesvc import gunicorn, settings; "
    "print(json.dumps(settings.env.dump()"
    " | {'PORT': gunicorn.bind, 'WEB_CONCURRENCY': gunicorn.workers}, default=str))"
)
UNSET = "unset"


def documented() -> dict[str, str]:
    """Return the default of each setting."""
    return {
        bare(name): bare(default) for name, default, _ in table(section("README.md", "Settings"))
    }


def sources() -> Iterator[Path]:
    for package in ("templatesvc", "accounts", "templates_app"):
        yield from (ROOT / package).rglob("*.py")
    yield ROOT / "tests" / "__main__.py"


def read_from_environ(source: Path) -> Iterator[str]:
    """Yield the names that a module asks ``os.environ`` for, past the settings reader."""
    for node in ast.walk(ast.parse(source.read_text())):
        match node:
            case ast.Call(ast.Attribute(environ, "get"), [ast.Constant(name), *_]):
                pass
            case ast.Subscript(environ, ast.Constant(name), ast.Load()):
                pass
            case ast.Compare(ast.Constant(name), [ast.In() | ast.NotIn()], [environ]):
                pass
            case _:
                continue
        if ast.unparse(environ) == "os.environ":
            yield str(name)


def values(given: dict[str, str]) -> dict[str, Any]:
    """Return what the settings are in an environment of these variables alone."""
    command = [sys.executable, "-c", READ]
    ran = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=True)
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    return values({})


def test_the_readme_lists_the_settings_that_the_code_reads() -> None:
    past_the_reader = {name for source in sources() for name in read_from_environ(source)}
    assert set(documented()) == set(settings.env.dump()) | past_the_reader


def test_the_defaults_given_one_by_one_change_nothing(defaults: dict[str, Any]) -> None:
    given = {name: default for name, default in documented().items() if default != UNSET}
    assert values(given) == defaults


def test_a_setting_without_a_default_is_empty(defaults: dict[str, Any]) -> None:
    without = [name for name, default in documented().items() if default == UNSET]
    assert {name: defaults[name] for name in without if defaults.get(name)} == {}


def test_a_setting_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    read = values({"JWT_SECRET_KEY_FILE": str(tmp_path / "secret")})
    assert read["JWT_SECRET_KEY"] == "from-a-file"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ALLOWED_HOSTS", ["example.org", "api.example.org"]),
        ("CORS_ALLOWED_ORIGINS", ["https://a.example.org", "https://b.example.org"]),
        ("JWT_PREVIOUS_KEYS", ["a" * 32, "b" * 32]),
        ("TRUSTED_PROXIES", ["192.0.2.0/24", "2001:db8::/32"]),
    ],
)
def test_blanks_in_a_list_and_a_comma_at_its_end_are_no_part_of_it(
    name: str, parts: list[str]
) -> None:
    assert values({name: f" {parts[0]} , {parts[1]},"})[name] == parts


@pytest.mark.parametrize("name", ["ACCESS_TOKEN_LIFETIME", "LOGIN_LIMIT_PER_USER", "DEBUG"])
def test_a_value_that_cannot_be_read_stops_the_start_naming_the_setting(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import templatesvc.settings"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], name: "soon"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode != 0
    assert f"Correct these environment variables:\n{name}: " in ran.stderr

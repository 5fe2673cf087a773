"""The README's table of settings and the code that reads them, each held to the other."""

from __future__ import annotations

import ast
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from templatesvc import keys, settings
from tests.docs.markdown import ROOT, bare, section, table

pytestmark = pytest.mark.process

READ = (
    "import json; from templatesvc import gunicorn, settings; "
    "print(json.dumps(settings.env.dump()"
    " | {'PORT': gunicorn.bind, 'WEB_CONCURRENCY': gunicorn.workers}, default=str))"
)
UNSET = "unset"
# Whose values the reader takes as they are; system checks look at some of them.
TEXTS = {
    *("SECRET_KEY", "JWT_SECRET_KEY", "JWT_PREVIOUS_KEYS", "JWT_ISSUER", "JWT_AUDIENCE"),
    *("MONGODB_DATABASE", "PASSWORD_HASHER", "CORS_ALLOWED_ORIGINS"),
}
# Refused by some settings and taken by others.
STRANGE = ["", "-1", "0", "9" * 30, "9" * 30 + "d", "nan", "inf", "1e400", "a b", "/", "\u200b"]


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
    """Yield the names that a module reads from the environment, past the settings."""
    for node in ast.walk(ast.parse(source.read_text())):
        match node:
            case ast.Call(ast.Attribute(_, "_given"), [ast.Constant(name)]):
                yield str(name)
                continue
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


def faults(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> list[str]:
    """Return what the settings say of a value: nothing if they take it."""
    with monkeypatch.context() as patched:
        patched.setenv(name, value)
        try:
            runpy.run_path(str(ROOT / "templatesvc" / "settings.py"))
        except ImproperlyConfigured as error:
            return str(error).splitlines()[1:]
    return []


@pytest.mark.parametrize("name", sorted(settings.env.dump()))
def test_whatever_a_setting_is_given_a_sentence_names_it_or_it_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for value in ["?", *STRANGE]:
        said = faults(monkeypatch, name, value)
        assert [fault.partition(": ")[0] for fault in said] in ([], [name]), value
        assert value != "?" or bool(said) != (name in TEXTS)


@pytest.mark.parametrize(
    "uri", ["mongodb://h/a.b", "mongodb://h/a%20b?w=1", "mongodb+srv://h/a/b", "mongomock://h/$a"]
)
def test_a_uri_names_no_database_that_there_can_not_be(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    (said,) = faults(monkeypatch, "MONGODB_URI", uri)
    assert said.startswith("MONGODB_URI: A database's name has 1 to 63 characters")


@pytest.mark.parametrize("name", ["a b", "a.b", "", "$a", "a/b", "n" * 64])
def test_there_is_no_database_of_such_a_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (said,) = faults(monkeypatch, "MONGODB_DATABASE", name)
    assert said.startswith("MONGODB_DATABASE: A database's name has 1 to 63 characters")


def test_a_worker_has_a_thread_that_one_address_can_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert faults(monkeypatch, "WEB_THREADS", "1") == ["WEB_THREADS: Must be from 2 to 2147483647."]
    assert faults(monkeypatch, "WEB_THREADS", "2") == []


@pytest.mark.parametrize("name", ["QUOTA_BYTES", "QUOTA_DOCUMENTS", "LOGIN_LIMIT_PER_USER"])
@pytest.mark.parametrize("off", ["off", "OFF", "Off"])
def test_a_limit_is_off_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str, off: str) -> None:
    monkeypatch.setenv(name, off)
    assert runpy.run_path(str(ROOT / "templatesvc" / "settings.py"))[name] is None


@pytest.mark.parametrize("token", ["a b", "a,b", "é", "=a", '"a"'])
def test_a_token_that_nobody_could_send_is_none(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    (said,) = faults(monkeypatch, "METRICS_TOKEN", token)
    assert said.startswith("METRICS_TOKEN: A bearer token has letters")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\0"])
def test_a_file_of_a_setting_that_cannot_be_read_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    said = faults(monkeypatch, "PORT_FILE", str(tmp_path / "file"))
    assert said == ["PORT: The file that PORT_FILE names can't be read as text."]


def test_a_key_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"Not a directory\. Set SECRET_KEY, or mend"):
        keys.stored_key(tmp_path / "file" / "var" / "secret_key")


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ({}, "1:00:00"),
        ({"FLASK_SIDE_BY_SIDE": "on"}, "1 day, 0:00:00"),
        ({"FLASK_SIDE_BY_SIDE": "on", "ACCESS_TOKEN_LIFETIME": "3d"}, "3 days, 0:00:00"),
        ({"FLASK_SIDE_BY_SIDE": "on", "ERASED_NAME_HOLD": "9d"}, "9 days, 0:00:00"),
    ],
)
def test_a_name_is_held_for_as_long_as_the_flask_service_takes_its_tokens(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], held: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    read = runpy.run_path(str(ROOT / "templatesvc" / "settings.py"))
    assert str(read["ERASED_NAME_HOLD"]) == held

"""Clients that openapi-generator makes of the schema: they build, and nothing is lost by them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import CACHE, MAVEN_COPY, Generate, fetch, need, output
from tests.processes import Service

pytestmark = [pytest.mark.wire, pytest.mark.long]

PROGRAMS = Path(__file__).parent / "programs"
VALUES: list[Any] = [
    "Dear {name}",
    "2026-01-31T12:00:00Z",  # a text that looks like a time stays one
    "12",
    "Zoë 語 \N{GRINNING FACE} \N{RIGHT-TO-LEFT OVERRIDE}\u0000\n",
    {},
    {"kind": "book", "year": 1948, "read": True, "price": 9.75, "sequel": None},
    {"lists": [[1, [2, [None, "three"]]], [], [{}]], "objects": {"a": {"b": {"c": None}}}},
    {"largest": 2**53 - 1, "smallest": -(2**53) + 1, "beyond_32_bits": 2**40, "zero": 0},
    {"day": "2026-01-31", "moment": "2026-01-31T12:00:00.123Z", "id": "697df2c0a1b2c3d4e5f60718"},
    {"Zoë": "語", "": "an empty name", "with blanks": " ", "type": "t", "class": "c", "self": "s"},
]


@pytest.fixture
def arguments(service: Service, tmp_path: Path) -> list[str]:
    """What a program is given: where the service is, the file with the values, and a name."""
    (tmp_path / "values.json").write_text(json.dumps(VALUES))
    return [f"http://127.0.0.1:{service.port}", str(tmp_path / "values.json"), tmp_path.name]


def program(name: str, folder: Path) -> str:
    return shutil.copy(PROGRAMS / name, folder / name)


def test_typescript_fetch(generate: Generate, tmp_path: Path, arguments: list[str]) -> None:
    need("node", "npx")
    generate("typescript-fetch")
    tsc = ["npx", "--yes", "--package", "typescript@5.9.3", "--", "tsc"]
    fetch([*tsc, "--version"], tmp_path)
    options = ["--strict", "--module", "commonjs", "--target", "es2020", "--lib", "es2020,dom"]
    output([*tsc, *options, "--outDir", "built", program("main.ts", tmp_path)], tmp_path)
    assert json.loads(output(["node", "built/main.js", *arguments], tmp_path)) == VALUES


def test_go(generate: Generate, tmp_path: Path, arguments: list[str]) -> None:
    need("go")
    client = generate("go", "--additional-properties", "packageName=client")
    for own in ("go.mod", "go.sum"):
        (client / own).unlink()
    shutil.rmtree(client / "test")  # which needs a package of its own
    (tmp_path / "go.mod").write_text("module program\n\ngo 1.23\n")
    program("main.go", tmp_path)
    output(["go", "build", "-o", "program", "."], tmp_path)
    assert json.loads(output([str(tmp_path / "program"), *arguments], tmp_path)) == VALUES


def test_java(generate: Generate, tmp_path: Path, arguments: list[str]) -> None:
    need("java", "javac", "mvn")
    client = generate("java", "--library", "native")
    copy = f"{MAVEN_COPY}:copy-dependencies"
    libraries = ["-DincludeScope=compile", f"-DoutputDirectory={tmp_path / 'lib'}"]
    fetch(["mvn", "--quiet", "--batch-mode", "--file", str(client), copy, *libraries], tmp_path)
    sources = [str(path) for path in (client / "src" / "main").rglob("*.java")]
    main = program("Main.java", tmp_path)
    output(["javac", "-nowarn", "-cp", "lib/*", "-d", "built", *sources, main], tmp_path)
    printed = output(["java", "-cp", "lib/*:built", "Main", *arguments], tmp_path)
    assert json.loads(printed) == VALUES


def test_kotlin(generate: Generate, tmp_path: Path, arguments: list[str]) -> None:
    need("java", "mvn")
    generate("kotlin", "--additional-properties", "serializationLibrary=jackson")
    (tmp_path / "program").mkdir()
    program("main.kt", tmp_path / "program")
    program("pom.xml", tmp_path)
    fetch(["mvn", "--quiet", "--batch-mode", "dependency:go-offline"], tmp_path)
    # Without the compiler's daemon, which a busy machine starts too late, and nobody ends.
    without_daemon = "-Dkotlin.compiler.daemon=false"
    output(["mvn", "--quiet", "--batch-mode", without_daemon, "compile"], tmp_path)
    classes = "target/classes:target/dependency/*"
    assert json.loads(output(["java", "-cp", classes, "MainKt", *arguments], tmp_path)) == VALUES


def test_rust(generate: Generate, tmp_path: Path, arguments: list[str]) -> None:
    need("cargo")
    client = generate("rust")
    examples = client / "examples"
    examples.mkdir()
    program("main.rs", examples)
    fetch(["cargo", "add", "--quiet", "tokio", "--features", "macros,rt"], client)
    fetch(["cargo", "fetch", "--quiet"], client)
    built = ["--target-dir", str(CACHE / "rust"), "--example", "main"]
    output(["cargo", "build", "--quiet", *built], client)
    printed = output([str(CACHE / "rust" / "debug" / "examples" / "main"), *arguments], tmp_path)
    assert json.loads(printed) == VALUES


def test_php(generate: Generate, arguments: list[str]) -> None:
    need("php")
    client = generate("php")
    fetch(["php", "-r", "exit((int) !@include 'GuzzleHttp/autoload.php');"], client)
    printed = output(["php", program("main.php", client), *arguments], client)
    assert json.loads(printed) == VALUES


def test_ruby(generate: Generate, arguments: list[str]) -> None:
    need("ruby")
    client = generate("ruby")
    fetch(["ruby", "-e", "require 'typhoeus'"], client)
    printed = output(["ruby", "-I", "lib", program("main.rb", client), *arguments], client)
    assert json.loads(printed) == VALUES


def test_python(generate: Generate, arguments: list[str]) -> None:
    client = generate("python")
    printed = output([sys.executable, program("main.py", client), *arguments], client)
    assert json.loads(printed) == VALUES


def test_csharp_is_made(generate: Generate) -> None:
    """It is not built: .NET's compiler and packages are in none of the registries used here."""
    (model,) = generate("csharp").rglob("TemplateRequest.cs")
    assert "JsonSerializer.Serialize(writer, templateRequest.Template," in model.read_text()

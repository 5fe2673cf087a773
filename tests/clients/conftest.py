"""The tools of other languages: asked for by their own clients, and kept outside the project.

A test is skipped, and says why, where a tool is missing or its registry does not answer.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.browser.conftest import UNLIMITED
from tests.processes import Service

GENERATOR = "openapi-generator-cli"
VERSION = "7.25.0"  # of the generator, on Maven Central
MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "templatesvc-tests"
SECONDS = 1200  # for a download on a slow line
Generate = Callable[..., Path]


def need(*programs: str) -> None:
    """Skip the test unless these programs are installed."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"needs {', '.join(missing)}")


def ran(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, behind everything else on this machine."""
    return subprocess.run(
        ["nice", "-n", "19", *command], cwd=cwd, capture_output=True, text=True, timeout=SECONDS
    )


def output(command: list[str], cwd: Path) -> str:
    """Return what a program prints; fail the test if it fails."""
    done = ran(command, cwd)
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return done.stdout


def fetch(command: list[str], cwd: Path) -> None:
    """Have a registry's client fetch something; skip the test if it can't."""
    done = ran(command, cwd)
    if done.returncode:
        pytest.skip(f"{command[0]} could not fetch: {(done.stdout + done.stderr)[-500:]}")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let no other process of the run fetch into a folder meanwhile, or use what is half there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def jar() -> Path:
    """openapi-generator, from Maven Central."""
    need("java", "mvn")
    found = CACHE / f"{GENERATOR}-{VERSION}.jar"
    with alone_in(CACHE):
        if found.exists():
            return found
        artifact = f"-Dartifact=org.openapitools:{GENERATOR}:{VERSION}"
        into = f"-DoutputDirectory={CACHE}"
        fetch(["mvn", "--quiet", "--batch-mode", f"{MAVEN_COPY}:copy", artifact, into], CACHE)
    return found


@pytest.fixture(scope="module")
def service(_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("clients") / "log"
    with Service(log, MONGODB_URI=settings.MONGODB_URI, **UNLIMITED) as running:
        yield running


@pytest.fixture
def generate(jar: Path, service: Service, tmp_path: Path) -> Generate:
    """A function that makes the client of a language, with the generator's options."""
    schema = tmp_path / "schema.json"
    schema.write_text(service.get("/api/v1/schema").text)

    def generated(language: str, *options: str) -> Path:
        command = ["java", "-jar", str(jar), "generate", "-i", str(schema), "-g", language]
        output([*command, "-o", str(tmp_path / "client"), *options], tmp_path)
        return tmp_path / "client"

    return generated

"""The workflow of CI, and the scripts in ``.ci/`` that it and people run."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.docs.markdown import ROOT, bare, blocks, document, section, table

SCRIPTS = sorted(path.name for path in (ROOT / ".ci").iterdir() if os.access(path, os.X_OK))
# What the scripts are made of: they source it.
PARTS = sorted({path.name for path in (ROOT / ".ci").iterdir()} - set(SCRIPTS))
JOBS: dict[str, Any] = yaml.safe_load(document(".github/workflows/ci.yml"))["jobs"]


def script(name: str) -> str:
    return document(f".ci/{name}")


@pytest.mark.parametrize("job", JOBS)
def test_a_job_runs_one_script_and_nothing_else(job: str) -> None:
    (run,) = [step["run"] for step in JOBS[job]["steps"] if "run" in step]
    called, *arguments = run.split(maxsplit=1)
    assert called == f".ci/{job}"
    assert job in SCRIPTS
    assert bool(arguments) == ("${1:?" in script(job))


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_limit_of_time_and_actions_of_a_major_version(job: str) -> None:
    assert JOBS[job]["timeout-minutes"]
    for step in JOBS[job]["steps"]:
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/none@v0"))


def test_a_job_runs_each_script() -> None:
    assert sorted(JOBS) == SCRIPTS


@pytest.mark.process
@pytest.mark.parametrize("name", SCRIPTS + PARTS)
def test_a_script_is_bash(name: str) -> None:
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / name)]).returncode == 0
    for sourced in re.findall(
        r"^source (?:\"\$\(dirname \"\$0\"\)|\.ci)/(\w+)", script(name), re.M
    ):
        assert sourced in PARTS


def test_contributing_lists_the_scripts() -> None:
    listed = table(section("CONTRIBUTING.md", "CI"))
    assert sorted(bare(row[0]).split()[0].removeprefix(".ci/") for row in listed) == SCRIPTS


def test_the_scripts_run_the_commands_that_a_person_runs() -> None:
    for name, command in {
        "run": "make test",
        "lint": "make lint",
        "long": "make test-long",
    }.items():
        assert re.search(rf"\b{command}$", script(name), re.M)
    assert "make test" in "".join(blocks(section("README.md", "Two commands")))


def test_the_tests_run_on_every_version_that_the_service_is_for() -> None:
    versions = JOBS["python"]["strategy"]["matrix"]["version"]
    oldest = re.search(r"Python (3\.\d+) or later", document("README.md"))
    assert oldest
    assert versions[0] == oldest[1]
    images = JOBS["replica-set"]["strategy"]["matrix"]["image"]
    oldest = re.search(r"MongoDB (\d+) or later", document("docs/deployment.md"))
    assert oldest
    assert images[0] == f"mongo:{oldest[1]}"


def test_dependencies_of_every_kind_are_updated() -> None:
    updates = yaml.safe_load(document(".github/dependabot.yml"))["updates"]
    kinds = {update["package-ecosystem"] for update in updates}
    assert kinds == {"pip", "github-actions", "docker", "docker-compose"}

"""schemathesis against the running service, as two people: all its checks, of all routes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.processes import ROOT, Service, environment

pytestmark = [pytest.mark.wire, pytest.mark.long]

# Some statuses tell of the state of things, not of whether a request is well formed.
CONFIGURATION = """
hooks = "tests.schemathesis_hooks"

[auth.wfc]
path = "people.json"
peers = ["alice", "bob"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "401", "403", "404", "409", "412", "422"]

[checks.negative_data_rejection]
expected-statuses = [
    "400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428",
]

[cache]
enabled = false
"""


@pytest.fixture
def service(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service without limits, which this many requests from one address would reach."""
    logins = ("LOGIN_LIMIT_PER_USER", "LOGIN_LIMIT_PER_ADDRESS", "SUCCESSFUL_LOGIN_LIMIT")
    limits = dict.fromkeys((*logins, "REGISTRATION_LIMIT"), "off")
    uri, own = settings.MONGODB_URI, getattr(request, "param", {})
    with Service(tmp_path / "service.log", MONGODB_URI=uri, **limits, **own) as running:
        yield running


def fuzz(service: Service, folder: Path, examples: int, seed: int, *options: str) -> dict[str, int]:
    """Return how often each operation gave each status; fail on anything that a check finds."""
    people = [
        {
            "name": name,
            "fixedHeaders": [
                {"name": "Authorization", "value": f"Bearer {service.log_in(f'{name} {seed}')}"}
            ],
        }
        for name in ("alice", "bob")
    ]
    (folder / "people.json").write_text(json.dumps({"auth": people}))
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    url = f"http://127.0.0.1:{service.port}"
    ran = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli"]
        + ["run", f"{url}/api/v1/schema"]
        + ["--checks", "all", "--exclude-checks", "use_after_free"]
        + ["--max-examples", str(examples), "--seed", str(seed)]
        + ["--continue-on-failure", "--no-color", *options],
        cwd=folder,
        env=environment(
            PYTHONPATH=str(ROOT),
            FUZZ_SERVICE=url,
            FUZZ_PEOPLE=str(folder / "people.json"),
            FUZZ_COUNTS=str(folder / "counts.json"),
        ),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-2_000:]
    return json.loads((folder / "counts.json").read_text())


def failures(counts: dict[str, int]) -> dict[str, int]:
    return {key: number for key, number in counts.items() if key.split()[1] >= "500"}


# In three parts: for all of them a busy machine takes longer than any test may.
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_twenty_thousand_requests_find_nothing(seed: int, service: Service, tmp_path: Path) -> None:
    counts = fuzz(service, tmp_path, examples=200, seed=seed)
    print(f"\n{sum(counts.values()):,} requests: {counts}")
    assert failures(counts) == {}
    assert sum(counts.values()) > 20_000 / 3


@pytest.mark.parametrize(
    "service", [{"DJANGO_SETTINGS_MODULE": "tests.films.settings"}], indirect=True
)
def test_two_thousand_requests_for_resources_of_others_find_nothing(
    service: Service, tmp_path: Path
) -> None:
    counts = fuzz(service, tmp_path, 60, 3, "--include-path-regex", "/(films|genres|specimens)")
    print(f"\n{sum(counts.values()):,} requests: {counts}")
    assert failures(counts) == {}
    assert sum(counts.values()) >= 2_000

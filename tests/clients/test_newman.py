"""The Postman collection from top to bottom on a fresh service, by Postman's own newman."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import fetch, need, ran
from tests.docs.test_postman import requests
from tests.processes import ROOT, Service

pytestmark = [pytest.mark.wire, pytest.mark.long]

NEWMAN = ["npx", "--yes", "newman@6.2.2"]
OPERATORS = {
    *("list_users", "get_user", "update_user", "delete_user"),
    *("get_user_quota", "update_user_quota"),
}


def test_every_request_succeeds_for_who_sends_them_in_order(
    service: Service, tmp_path: Path
) -> None:
    need("node", "npx")
    fetch([*NEWMAN, "--version"], tmp_path)
    report = tmp_path / "report.json"
    done = ran(
        [*NEWMAN, "run", str(ROOT / "docs" / "postman_collection.json")]
        + ["--env-var", f"base_url=http://127.0.0.1:{service.port}"]
        + ["--reporters", "json", "--reporter-json-export", str(report)],
        tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run: dict[str, Any] = json.loads(report.read_text())["run"]
    answers = [(each["item"]["name"], each["response"]["code"]) for each in run["executions"]]
    refused = {name for name, status in answers if status >= 400}
    assert refused == OPERATORS, answers
    assert {status for name, status in answers if name in OPERATORS} == {403}
    assert {name for name, _ in answers} == {each["name"] for _, each in requests()}

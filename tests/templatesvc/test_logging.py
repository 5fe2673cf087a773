"""Log lines, for people and for collectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import Service

pytestmark = pytest.mark.process


def lines(log: Path, **settings: str) -> list[str]:
    with Service(log, MONGODB_URI="mongomock://", **settings) as service:
        service.get("/nowhere")
        service.stop()
        return [line for line in service.output.splitlines() if "/nowhere" in line]


def test_a_line_for_people(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "log")
    assert line.endswith("WARNING django.request: Not Found: /nowhere")


def test_a_line_for_a_collector_is_json(tmp_path: Path) -> None:
    (line,) = lines(tmp_path / "log", LOG_FORMAT="json")
    told = json.loads(line)
    assert told["levelname"] == "WARNING"
    assert told["name"] == "django.request"
    assert told["message"] == "Not Found: /nowhere"

"""``/metrics``, for Prometheus."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from tests.processes import Service, wait_for

pytestmark = pytest.mark.process

TOKEN = "what-the-scraper-knows"
COUNTED = (
    "django_http_responses_total_by_status_view_method_total"
    '{method="GET",status="200",view="livez"}'
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("metrics")
    with Service(
        folder / "log",
        MONGODB_URI="mongomock://",
        METRICS_TOKEN=TOKEN,
        WEB_CONCURRENCY="2",
        TMPDIR=str(folder),
    ) as service:
        yield service


def counted(service: Service) -> float:
    answer = service.get("/metrics", TOKEN)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return float(re.search(rf"^{re.escape(COUNTED)} (\S+)$", answer.text, re.M)[1])  # type: ignore[index]


def test_whichever_worker_is_asked_answers_for_all(measured: Service) -> None:
    before = counted(measured)
    for _ in range(20):
        measured.get("/livez")
    assert [counted(measured) for _ in range(10)] == [before + 20] * 10


def test_invented_methods_and_paths_are_measured_under_one_name(measured: Service) -> None:
    def shown() -> set[str]:
        lines = measured.get("/metrics", TOKEN).text.splitlines()
        return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}

    for letter in "AB":
        before = shown()
        for number in range(20):
            path = f"/{letter}{number}"
            for known in (path, "/livez", "/get", f"/problems/{letter.lower() * 9}", "/admin/no"):
                measured.request(f"{letter}NY{number}", known)
                measured.get(known)
            measured.get(path, Host=f"{letter}{number}.example")
    assert shown() == before


@pytest.mark.parametrize("token", ["", "guessed"])
def test_nobody_else_sees_them(measured: Service, token: str) -> None:
    answer = measured.get("/metrics", token)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "django_http" not in answer.text


def test_there_are_none_unless_a_token_is_set(client: APIClient) -> None:
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    service = Service(
        tmp_path / "log", MONGODB_URI="mongomock://", METRICS_TOKEN=TOKEN, TMPDIR=str(tmp_path)
    )
    with service:
        assert list(tmp_path.glob("templatesvc-*"))
        service.stop()
        wait_for(lambda: not list(tmp_path.glob("templatesvc-*")), "the folder is removed")

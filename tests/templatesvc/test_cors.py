"""Calls from pages of other sites (the Fetch standard's CORS protocol)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from tests.processes import Answer, Service, manage

pytestmark = pytest.mark.process

APP = "https://app.example.org"
TEMPLATES = "/api/v1/templates"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("cors") / "log"
    with Service(log, MONGODB_URI="mongomock://", CORS_ALLOWED_ORIGINS=APP) as service:
        yield service


def preflight(service: Service, path: str, origin: str) -> Answer:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,if-match",
    }
    return service.request("OPTIONS", path, **asked)


def test_a_named_origin_may_send_a_token_and_conditions(service: Service) -> None:
    answer = preflight(service, TEMPLATES, APP)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert {"authorization", "if-match", "if-none-match", "idempotency-key"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


def test_its_page_may_read_the_headers_that_matter(service: Service) -> None:
    answer = service.get(TEMPLATES, Origin=APP)
    assert answer.status == 401
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_cookies_never_come_along(service: Service) -> None:
    assert "Access-Control-Allow-Credentials" not in preflight(service, TEMPLATES, APP).headers


@pytest.mark.parametrize(
    ("path", "origin"),
    [(TEMPLATES, "https://evil.example.org"), (TEMPLATES, "null"), ("/api-auth/login", APP)],
)
def test_others_and_the_pages_for_browsers_are_closed(
    service: Service, path: str, origin: str
) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(service, path, origin).headers


def test_nobody_may_unless_it_is_set(client: APIClient) -> None:
    answer = client.get(TEMPLATES, HTTP_ORIGIN=APP)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_value_that_is_no_origin_stops_the_start(tmp_path: Path) -> None:
    ran = manage("check", MONGODB_URI="mongomock://", CORS_ALLOWED_ORIGINS="app.example.org")
    assert ran.returncode != 0
    assert "app.example.org" in ran.stderr

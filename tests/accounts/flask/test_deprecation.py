"""What routes that are to go say of it, and who is counted."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.http import parse_http_date
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.flask import checks
from tests.conftest import Person
from tests.processes import Service

GOING = ["/", "/create", "/get", "/update", "/delete"]
STAYING = ["/api/v1/users", "/api/v1/login", "/api/v1/templates", "/api/v1/users/me", "/livez"]
SINCE, UNTIL = date(2027, 1, 31), date(2027, 7, 31)


@pytest.fixture
def _deprecated(settings: Settings) -> None:
    settings.FLASK_DEPRECATION, settings.FLASK_SUNSET = SINCE, UNTIL


@pytest.mark.usefixtures("_deprecated")
@pytest.mark.parametrize("path", GOING)
def test_a_route_that_is_to_go_says_when(path: str, alice: Person, client: APIClient) -> None:
    methods = [alice.client.get, alice.client.post, alice.client.put, client.get, client.post]
    for answer in (method(path) for method in methods):
        moment = datetime.fromtimestamp(int(answer["Deprecation"].removeprefix("@")), UTC)
        gone = datetime.fromtimestamp(parse_http_date(answer["Sunset"]), UTC)
        midnight = timedelta()
        assert (moment.date(), gone.date()) == (SINCE, UNTIL), answer.status_code
        assert moment - moment.replace(hour=0, minute=0, second=0) == midnight


@pytest.mark.usefixtures("_deprecated")
@pytest.mark.parametrize("path", STAYING)
def test_a_route_that_stays_says_nothing(path: str, alice: Person) -> None:
    for answer in (alice.client.get(path), alice.client.post(path)):
        assert not {"Deprecation", "Sunset"} & set(answer.headers)


@pytest.mark.parametrize("path", GOING)
def test_without_a_date_nothing_is_said(path: str, alice: Person) -> None:
    assert not {"Deprecation", "Sunset"} & set(alice.client.get(path).headers)


def deprecated() -> set[str]:
    # Not by its route, which makes it once a process.
    paths: dict[str, Any] = SchemaGenerator().get_schema(public=True)["paths"]
    operations = {name: list(methods.values()) for name, methods in paths.items()}
    return {name for name, many in operations.items() if any(one.get("deprecated") for one in many)}


def test_the_schema_says_so_as_well(settings: Settings) -> None:
    assert deprecated() == set()
    settings.FLASK_DEPRECATION = SINCE
    assert deprecated() == set(GOING)


def test_an_end_before_the_beginning_stops_the_start(settings: Settings) -> None:
    settings.FLASK_DEPRECATION, settings.FLASK_SUNSET = SINCE, UNTIL
    assert list(checks.sunset()) == []
    settings.FLASK_SUNSET = SINCE - timedelta(days=1)
    assert [message.id for message in checks.sunset()] == ["accounts.E007"]


@pytest.mark.process
def test_who_still_calls_is_counted_by_route(tmp_path: Path) -> None:
    service = Service(
        tmp_path / "log", MONGODB_URI="mongomock://", METRICS_TOKEN="token", WEB_CONCURRENCY="2"
    )
    with service:
        for path in ["/"] * 3 + ["/get", "/livez", "/api/v1/login"]:
            service.get(path)
        text = service.get("/metrics", "token").text
    counted = dict(re.findall(r'^deprecated_requests_total\{route="(.*?)"\} (\S+)$', text, re.M))
    assert counted == {"flask-hello": "3.0", "flask-get": "1.0"}

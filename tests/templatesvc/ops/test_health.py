"""Probes, which orchestrators and load balancers send to an address."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

HOSTS = ["10.1.2.3:8000", "[fd00::7]:8000", "somebody.example", "not a host", ""]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/livez", "/livez/", "/readyz", "/readyz/"])
def test_a_probe_is_answered_whatever_its_host(client: APIClient, path: str, host: str) -> None:
    response = client.get(path, HTTP_HOST=host)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("host", HOSTS)
def test_the_scraper_is_told_the_same_whatever_its_host(client: APIClient, host: str) -> None:
    assert client.get("/metrics", HTTP_HOST=host).status_code == 404


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/api/v1/users", "/livezz", "/api/v1/livez", "/nowhere"])
def test_everything_else_is_for_allowed_hosts_alone(
    client: APIClient, path: str, host: str
) -> None:
    assert client.get(path, HTTP_HOST=host).status_code == 400


@pytest.mark.wire
def test_readiness_asks_once_as_long_as_the_indexes_were_there(
    client: APIClient, commands: list[dict[str, Any]]
) -> None:
    assert client.get("/readyz").status_code == 200
    commands.clear()
    assert client.get("/readyz").status_code == 200
    assert [next(iter(command)) for command in commands] == ["ping"]

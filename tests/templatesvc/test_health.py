"""Probes, which orchestrators and load balancers send to an address."""

from __future__ import annotations

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

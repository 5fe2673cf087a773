"""The service under a path: every URL and cookie that it writes begins with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.urls import get_script_prefix
from pytest_django import Settings
from rest_framework.test import APIClient

from templatesvc.settings import _networks
from tests.conftest import Person

PREFIX = "/shop/templates"
Send = Callable[..., Any]


@pytest.fixture(params=["the path whole", "the path stripped", "two prefixes"])
def headers(request: pytest.FixtureRequest, settings: Settings) -> dict[str, str]:
    """What a proxy sends along that puts the service under the prefix."""
    if request.param == "the path whole":
        settings.SCRIPT_NAME = PREFIX
        return {}
    settings.TRUSTED_PROXIES = _networks("127.0.0.1")
    if request.param == "the path stripped":
        return {"HTTP_X_FORWARDED_PREFIX": f"{PREFIX}/"}
    return {"HTTP_X_FORWARDED_PREFIX": "/shop, /templates"}


@pytest.fixture
def send(headers: dict[str, str]) -> Send:
    """A function that sends a request for a path under the prefix as the proxy would."""
    before = "" if headers else PREFIX

    def sent(client: APIClient, method: str, path: str, *body: Any, **more: Any) -> Any:
        assert path.startswith(PREFIX)
        path = before + path.removeprefix(PREFIX)
        return getattr(client, method)(path or "/", *body, **headers | more)

    return sent


@pytest.fixture(autouse=True)
def _nothing_stays() -> Any:
    yield
    assert get_script_prefix() == "/"


def test_a_template_its_page_and_its_list_name_urls_under_the_prefix(
    send: Send, alice: Person
) -> None:
    place = f"http://testserver{PREFIX}/api/v1/templates"
    for text in ("first", "second"):
        created = send(alice.client, "post", f"{PREFIX}/api/v1/templates", {"template": text})
        assert created["Location"] == created.json()["url"] == f"{place}/{created.json()['id']}"
    first = send(alice.client, "get", f"{PREFIX}/api/v1/templates?limit=1")
    following = first.json()["next"]
    assert following.startswith(f"{place}?cursor=")
    assert first["Link"] == f'<{following}>; rel="next"'
    second = send(alice.client, "get", following.removeprefix("http://testserver"))
    assert [each["template"] for each in second.json()["results"]] == ["first"]
    assert second.json()["previous"].startswith(f"{place}?cursor=")


def test_the_root_and_the_schema_begin_with_the_prefix(send: Send, client: APIClient) -> None:
    for path in ("/api/v1", "/api/v1/"):
        routes = send(client, "get", PREFIX + path).json()
        assert {url.partition("/api/v1/")[0] for url in routes.values()} == {
            f"http://testserver{PREFIX}"
        }
    schema = send(client, "get", f"{PREFIX}/api/v1/schema").json()
    assert [server["url"] for server in schema["servers"]] == [PREFIX]
    assert "/api/v1/templates" in schema["paths"]


@pytest.mark.parametrize("path", ["/api/v1/templates", "/nowhere", "/api/v1/templates/nothing"])
def test_the_type_of_an_error_leads_to_its_page(send: Send, client: APIClient, path: str) -> None:
    type_ = send(client, "get", PREFIX + path).json()["type"]
    assert type_.startswith(f"{PREFIX}/problems/")
    explained = send(client, "get", type_).json()
    assert explained["type"] == explained["example"]["type"] == type_


def test_pages_name_nothing_outside_the_prefix(send: Send, client: APIClient) -> None:
    for path in ("/api/v1/", "/api/v1/docs", "/api-auth/login", "/problems", "/admin/login"):
        page = send(client, "get", PREFIX + path, HTTP_ACCEPT="text/html")
        assert page.status_code == 200
        named = [part.split('"')[0] for part in page.content.decode().split('="/')[1:]]
        assert named, path
        assert [url for url in named if not f"/{url}".startswith(f"{PREFIX}/")] == [], path
        scripts = [f"/{url}" for url in named if url.endswith((".js", ".css"))]
        for script in scripts:
            with closing(send(client, "get", script)) as file:
                assert file.status_code == 200, script


def test_a_page_of_operators_sends_strangers_to_the_log_in(send: Send, client: APIClient) -> None:
    redirect = send(client, "get", f"{PREFIX}/admin/")
    assert redirect["Location"] == f"{PREFIX}/admin/login?next={PREFIX}/admin/"


def test_cookies_are_for_the_prefix_alone(send: Send, client: APIClient, alice: Person) -> None:
    send(client, "get", f"{PREFIX}/api-auth/login")
    form = {"username": alice.name, "password": alice.password}
    answer = send(client, "post", f"{PREFIX}/api-auth/login", form, format="multipart")
    assert answer["Location"] == f"{PREFIX}/api/v1"
    cookies: SimpleCookie = client.cookies
    assert {name: cookie["path"] for name, cookie in cookies.items()} == {
        "csrftoken": PREFIX,
        "sessionid": PREFIX,
    }
    out = send(client, "post", f"{PREFIX}/api-auth/logout")
    assert out.cookies["sessionid"]["path"] == PREFIX


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/shop/templates/livez"])
def test_probes_come_with_the_prefix_and_without(
    settings: Settings, client: APIClient, path: str
) -> None:
    settings.SCRIPT_NAME = PREFIX
    assert client.get(path, HTTP_HOST="10.1.2.3").status_code == 200


def test_only_a_whole_segment_is_the_prefix(settings: Settings, client: APIClient) -> None:
    settings.SCRIPT_NAME = "/api"
    assert client.get("/api/api/v1").status_code == 200
    assert client.get("/api/v1").status_code == 404
    assert client.get("/apis/api/v1").status_code == 404
    assert client.get("/api/livez").status_code == 200


@pytest.mark.parametrize(
    "prefix", ["//example.org", "/a/../b", "/a?b", "/a b", "https://example.org", "a", "/", "/a//b"]
)
def test_what_is_no_path_is_not_believed(
    settings: Settings, client: APIClient, prefix: str
) -> None:
    settings.TRUSTED_PROXIES = _networks("127.0.0.1")
    answer = client.get("/nowhere", HTTP_X_FORWARDED_PREFIX=prefix)
    assert answer.json()["type"] == "/problems/not_found"


@pytest.mark.parametrize("trusted", ["", "192.0.2.1"])
def test_a_prefix_is_believed_from_trusted_proxies_alone(
    settings: Settings, client: APIClient, trusted: str
) -> None:
    settings.TRUSTED_PROXIES = _networks(trusted)
    answer = client.get("/nowhere", HTTP_X_FORWARDED_PREFIX=PREFIX)
    assert answer.json()["type"] == "/problems/not_found"

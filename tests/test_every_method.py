"""Every method on every route, with each media type: what answers is never an error of ours."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.accounts.operators import operators_browser
from tests.conftest import Person
from tests.docs.test_routes import documented
from tests.test_admin_pages import TABLE

pytestmark = pytest.mark.search
ACCEPTED = (
    *("application/json", "text/html", "application/x-ndjson", "application/vnd.oai.openapi"),
    "nonsense",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
NOTHING = "0" * 24
ROUTES = {
    route: route.replace("{id}", NOTHING).replace("{number}", "1").replace("{code}", "not_found")
    for route in documented()
}
PAGES = [f"/admin/{name}".replace("{pk}", NOTHING) for name in TABLE]


@pytest.mark.parametrize("path", ROUTES.values())
@pytest.mark.parametrize("who", ["nobody", "an operator"])
def test_no_method_with_any_media_type_is_an_error_of_ours(path: str, who: str) -> None:
    nobody = APIClient(raise_request_exception=False)
    caller = nobody if who == "nobody" else operators_browser()
    for method, accepted in product(METHODS, ACCEPTED):
        answer = caller.generic(method, path, headers={"Accept": accepted})
        assert answer.status_code < 500, (method, accepted)


@pytest.mark.parametrize("path", PAGES)
def test_no_method_on_a_page_is_an_error_of_ours(path: str) -> None:
    caller = operators_browser()
    for method in METHODS:
        assert caller.generic(method, path).status_code < 500, method


def test_options_is_for_everybody_and_has_no_body(client: APIClient) -> None:
    for path, accepted in product([*ROUTES.values(), *PAGES], ACCEPTED):
        answer = client.options(path, headers={"Accept": accepted})
        assert (answer.status_code, answer.content) == (200, b""), (path, accepted)
        assert answer["Content-Length"] == "0"
        assert "Content-Type" not in answer


@pytest.mark.parametrize("route", ROUTES)
def test_allow_is_what_the_readme_lists_and_head_where_there_is_get(
    route: str, client: APIClient
) -> None:
    methods = documented()[route]
    expected = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    path = ROUTES[route]
    assert set(client.options(path)["Allow"].split(", ")) == expected
    for method in {"BREW", "PATCH"} - methods:
        answer = client.generic(method, path)
        if answer.status_code == 405:
            assert set(answer["Allow"].split(", ")) == expected


def test_options_of_what_is_not_there_is_a_404(client: APIClient) -> None:
    assert client.options("/nowhere").status_code == 404


@pytest.mark.wire
def test_options_looks_nobody_up(alice: Person, commands: list[Any]) -> None:
    commands.clear()
    answer = alice.client.options(f"/api/v1/templates/{NOTHING}")
    assert answer["Allow"] == "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
    assert commands == []

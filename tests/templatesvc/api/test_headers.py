"""The headers of every route, read from the URL map: a new route is in these tests by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http.response import HttpResponseBase

from accounts.operators import Role
from templates_app.documents import Template
from templatesvc.api.headers import PAGE
from tests.accounts.operators import browser_of
from tests.conftest import Person
from tests.resources import RESOURCES
from tests.routes import documents, filled, routes

# What may be kept, and is the same for everybody or asked for again each time.
MAY_BE_KEPT = {
    "/api/v1/schema": "no-cache",
    **{f"/api/v1/{admin.document.names.slugs}/{{id}}": "private, no-cache" for admin in RESOURCES},
}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
INLINE = re.compile(
    r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))|\son\w+=|javascript:", re.I
)


def check(response: HttpResponseBase, route: str) -> None:
    """Check the headers of an answer, and what its policy would keep from working."""
    assert ALWAYS.items() <= dict(response.items()).items()
    is_page = response.headers.get("Content-Type", "").startswith("text/html")
    if route in MAY_BE_KEPT and response.status_code < 400 and not is_page:
        assert response["Cache-Control"] == MAY_BE_KEPT[route]
    else:
        assert "no-store" in response["Cache-Control"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.replace("style-src 'self' 'unsafe-inline'", "")
    assert "unsafe-eval" not in policy
    if is_page:
        assert policy == PAGE
        assert not INLINE.search(response.content.decode())  # type: ignore[attr-defined]


@pytest.mark.parametrize("route", routes())
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_every_route_has_the_headers(route: str, accept: str, alice: Person, client: Any) -> None:
    alice.user.appoint(Role.SUPERUSER)
    path = filled(route, documents(alice))
    for caller in (client, alice.client, browser_of(alice.user)):
        for method in ("get", "options", "post"):
            response = getattr(caller, method)(path, HTTP_ACCEPT=accept)
            check(response, route if method == "get" else "")


@pytest.mark.parametrize("path", ["/nothing", "/static/nothing.js", "/%ff", "/api/v1/templates/x"])
def test_answers_where_nothing_is_have_the_headers(path: str, client: Any) -> None:
    for accept in ("application/json", "text/html"):
        check(client.get(path, HTTP_ACCEPT=accept), path)


def test_static_files_may_be_kept(client: Any) -> None:
    answer = client.get("/static/rest_framework/css/default.css")
    answer.close()
    assert answer["Cache-Control"].startswith("max-age=")
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")


def test_answers_to_a_foreign_host_have_the_headers(client: Any) -> None:
    check(client.get("/api/v1/templates", HTTP_HOST="evil.example"), "")


def test_a_token_is_not_kept(client: Any, alice: Person) -> None:
    answer = client.post("/api/v1/login", {"username": "alice", "password": "wonderland-1"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    Template.create(alice.name, {"template": "mine"})
    assert alice.client.get("/api/v1/templates")["Cache-Control"] == "no-store"


def test_swagger_ui_has_its_script_in_a_file(client: Any) -> None:
    page = client.get("/api/v1/docs").content.decode()
    (path,) = re.findall(r'<script src="(/api[^"]+)"', page)
    script = client.get(path.replace("&amp;", "&"))
    assert script["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content

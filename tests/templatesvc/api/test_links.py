"""Absolute URLs of routes."""

from __future__ import annotations

from rest_framework.test import APIClient

from tests.conftest import Person
from tests.templates_app.templates import URL, make, path


def test_every_link_of_the_root_leads_somewhere(alice: Person) -> None:
    for format in ("", "?format=json"):
        links = alice.client.get(f"/api/v1{format}").json()
        assert {"templates", "users/me", "schema", "docs"} <= links.keys()
        for url in links.values():
            assert "?" not in url
            assert alice.client.options(url).status_code == 200


def test_no_link_carries_the_format_of_the_request_along(alice: Person) -> None:
    created = make(alice, "one")
    alice.client.put(path(created), {"template": "two"})
    asked = f"{path(created)}?format=json"
    assert alice.client.get(asked).json()["url"] == f"http://testserver{path(created)}"
    (listed,) = alice.client.get(f"{URL}?format=json").json()["results"]
    (version,) = alice.client.get(f"{path(created)}/versions?format=json").json()["results"]
    assert (listed["url"], version["url"]) == (
        f"http://testserver{path(created)}",
        f"http://testserver{path(created)}/versions/1",
    )


def test_the_documentation_that_the_root_links_to_is_a_page(client: APIClient) -> None:
    docs = client.get("/api/v1?format=json").json()["docs"]
    assert client.get(docs, headers={"Accept": "text/html"}).status_code == 200

"""What HTTP asks of every answer."""

from __future__ import annotations

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from tests.accounts.operators import operators_browser
from tests.conftest import Person
from tests.templates_app.templates import URL, make, path

PATCHES = "application/json, application/merge-patch+json"


def test_an_answer_without_a_body_says_nothing_of_its_length(alice: Person) -> None:
    created = make(alice, "one")
    known = {"If-None-Match": created["ETag"]}
    unchanged = alice.client.get(path(created), headers=known)
    deleted = alice.client.delete(path(created))
    assert (unchanged.status_code, deleted.status_code) == (304, 204)
    for answer in (unchanged, deleted):
        assert "Content-Length" not in answer
    assert alice.client.get(URL)["Content-Length"]


def test_options_names_the_media_types_of_a_patch_as_the_schema_does(client: APIClient) -> None:
    schema: Any = SchemaGenerator().get_schema(request=None, public=True)
    routes = schema["paths"].items()
    told = {route: client.options(route).headers.get("Accept-Patch") for route, _ in routes}
    assert {route: types for route, types in told.items() if types} == {
        route: ", ".join(methods["patch"]["requestBody"]["content"])
        for route, methods in routes
        if "patch" in methods
    }
    assert told["/api/v1/templates/{id}"] == PATCHES


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json-patch+json", "application/json; charset=latin-1"]
)
def test_a_patch_of_another_media_type_is_told_which_there_are(kind: str, alice: Person) -> None:
    item = path(make(alice, "one"))
    answer = alice.client.patch(item, "{}", content_type=kind)
    assert (answer.status_code, answer["Accept-Patch"]) == (415, PATCHES)
    refused = alice.client.put(item, "{}", content_type=kind)
    assert (refused.status_code, "Accept-Patch" in refused) == (415, False)
    refused = alice.client.patch(URL, "{}", content_type=kind)
    assert "Accept-Patch" not in refused


def test_what_operators_patch_is_told_as_well(alice: Person) -> None:
    user = f"/api/v1/users/{alice.user.id}"
    answer = operators_browser().patch(user, "x", content_type="text/plain")
    assert (answer.status_code, answer["Accept-Patch"]) == (415, "application/json")

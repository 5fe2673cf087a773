"""Sparse fields on lists."""

from __future__ import annotations

from typing import Any

import pytest

from templates_app.documents import Template
from tests.accounts.operators import operators_browser
from tests.conftest import Person
from tests.templates_app.templates import URL, make, pages, path, store

LARGE = {"text": "x" * 10_000}


@pytest.mark.parametrize("fields", ["id", "id,version,updated_at", "template", "url,created_at,id"])
@pytest.mark.parametrize("ordering", ["-created_at", "updated_at"])
def test_a_list_has_the_fields_that_are_asked_for(
    fields: str, ordering: str, alice: Person
) -> None:
    for n in range(3):
        make(alice, {"n": n})
    store(alice, "theirs")
    whole = alice.client.get(f"{URL}?ordering={ordering}").json()["results"]
    sparse = alice.client.get(f"{URL}?ordering={ordering}&fields={fields}").json()["results"]
    assert sparse == [
        {name: row[name] for name in row if name in fields.split(",")} for row in whole
    ]


@pytest.mark.parametrize("fields", ["", "titel", "id,titel", "id,", " id", "_id", "profile"])
@pytest.mark.parametrize("route", [URL, f"{URL}/deleted"])
def test_an_unknown_field_is_refused(route: str, fields: str, alice: Person) -> None:
    answer = alice.client.get(route, {"fields": fields})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "fields")
    assert "there is: id, " in answer.json()["detail"]


def test_fields_given_twice_are_refused(alice: Person) -> None:
    assert alice.client.get(f"{URL}?fields=id&fields=version").status_code == 400


def test_a_search_looks_at_what_it_does_not_answer(alice: Person) -> None:
    needle = make(alice, {"text": "needle"}).json()["id"]
    make(alice, "hay")
    for query in ("search=needle", "template.text=needle", "kind=object"):
        answer = alice.client.get(f"{URL}?fields=id&{query}").json()
        assert answer["results"] == [{"id": needle}]


def test_pages_go_on_with_the_same_fields(alice: Person) -> None:
    for n in range(5):
        make(alice, f"{n}")
    found = [alice.client.get(f"{URL}?fields=version&limit=2").json()]
    while found[-1]["next"]:
        found.append(alice.client.get(found[-1]["next"]).json())
    assert [page["results"] for page in found] == [[{"version": 1}] * n for n in (2, 2, 1)]
    assert pages(alice, "limit=2&fields=template") == [["4", "3"], ["2", "1"], ["0"]]


def test_other_lists_have_them_as_well(alice: Person) -> None:
    created = make(alice, "one")
    alice.client.delete(path(created))
    answer = alice.client.get(f"{URL}/deleted?fields=id,version").json()
    assert answer["results"] == [{"id": created.json()["id"], "version": 1}]
    users = operators_browser().get("/api/v1/users?fields=username,role").json()["results"]
    assert users == [
        {"username": "alice", "role": None},
        {"username": "root", "role": "superuser"},
    ]


def test_a_page_shows_them(alice: Person) -> None:
    make(alice, LARGE)
    page = alice.client.get(f"{URL}?fields=id", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "x" * 100 not in page.content.decode()


@pytest.mark.wire
@pytest.mark.parametrize("ordering", ["-created_at", "-updated_at"])
def test_what_is_not_asked_for_stays_in_the_store(
    ordering: str, alice: Person, commands: list[dict[str, Any]]
) -> None:
    Template.create(alice.name, {"template": LARGE})
    for fields, projection in (("id,version", {"template": 0}), ("id,template", None)):
        commands.clear()
        alice.client.get(f"{URL}?ordering={ordering}&fields={fields}")
        finds = [command for command in commands if command.get("find") == "templates"]
        assert finds
        assert all(find.get("projection") == projection for find in finds)

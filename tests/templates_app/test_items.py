"""``/api/v1/templates`` and ``/{id}``: making, reading and changing one's own, nobody else's."""

from __future__ import annotations

import pytest
from bson import ObjectId

from templates_app.documents import Template
from tests.conftest import Person
from tests.templates_app.templates import URL, listed, make, path

pytestmark = pytest.mark.store

BOOK = {"author": "Orwell", "year": 1949, "tags": ["scifi", "Größe"], "at": {"city": "London"}}


def test_a_template_is_created_read_replaced_and_deleted(alice: Person) -> None:
    created = make(alice, BOOK)
    body = created.json()
    assert created["Location"] == body["url"] == f"http://testserver{path(created)}"
    assert body == {
        "id": body["id"],
        "template": BOOK,
        "version": 1,
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "url": body["url"],
    }
    read = alice.client.get(path(created))
    assert (read.json(), read["ETag"]) == (body, created["ETag"])
    replaced = alice.client.put(path(created), {"template": "now a text"})
    assert replaced.json() == body | {
        "template": "now a text",
        "version": 2,
        "updated_at": replaced.json()["updated_at"],
    }
    assert replaced["ETag"] != created["ETag"]
    assert alice.client.delete(path(created)).status_code == 204
    assert alice.client.get(path(created)).status_code == 404


def test_a_change_without_a_field_changes_nothing(alice: Person) -> None:
    created = make(alice, BOOK)
    answer = alice.client.patch(path(created), {})
    assert (answer.status_code, answer.json()) == (200, created.json())


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_somebody_elses_missing_and_malformed_ids_answer_alike(
    method: str, alice: Person, bob: Person
) -> None:
    theirs = make(alice, BOOK).json()["id"]
    answers = [
        getattr(bob.client, method)(f"{URL}/{id}", {"template": "mine now"})
        for id in (theirs, str(ObjectId()), "nonsense", "%00", "$ne", "1" * 500)
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert Template.objects.get(id=ObjectId(theirs)).template == BOOK


@pytest.mark.parametrize("method", ["post", "put"])
def test_the_same_template_twice_is_a_conflict(method: str, alice: Person, bob: Person) -> None:
    make(alice, BOOK)
    url = URL if method == "post" else path(make(alice, "another"))
    again = getattr(alice.client, method)(url, {"template": BOOK})
    assert (again.status_code, again.json()["code"]) == (409, "template_exists")
    make(bob, BOOK)


def test_a_misspelt_field_is_named(alice: Person) -> None:
    answer = alice.client.post(URL, {"templat": "x", "template": "y"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "templat"
    assert listed(alice) == []

"""Conditional requests, while the Flask service writes to the same database."""

from __future__ import annotations

import pytest

from tests.conftest import Person
from tests.templates_app.templates import URL, flask_insert, flask_update, listed, make, path
from tests.templates_app.test_conditional_requests import WRITES

pytestmark = pytest.mark.store


@pytest.mark.parametrize("method", WRITES)
def test_a_change_by_the_flask_service_is_noticed(method: str, alice: Person) -> None:
    created = make(alice, "one")
    assert flask_update(alice, "one", "theirs") == 1
    headers = {"If-Match": created["ETag"]}
    answer = getattr(alice.client, method)(path(created), {"template": "mine"}, headers=headers)
    assert answer.status_code == 412
    assert listed(alice) == ["theirs"]


@pytest.mark.parametrize("other", [{"n": 1.0}, {"n": True}, {"n": "1"}])
def test_a_change_of_a_value_to_one_that_looks_like_it_is_noticed(
    other: object, alice: Person
) -> None:
    created = make(alice, {"n": 1})
    assert flask_update(alice, {"n": 1}, other) == 1
    headers = {"If-Match": created["ETag"]}
    assert alice.client.delete(path(created), headers=headers).status_code == 412


def test_a_document_of_the_flask_service_has_a_tag_that_lasts(alice: Person) -> None:
    id = flask_insert(alice, {"x": 1, "y": [2]})
    etag = alice.client.get(f"{URL}/{id}")["ETag"]
    assert alice.client.get(f"{URL}/{id}", headers={"If-None-Match": etag}).status_code == 304
    headers = {"If-Match": etag}
    assert alice.client.put(f"{URL}/{id}", {"template": "x"}, headers=headers).status_code == 200

"""What HTTP asks of every answer."""

from __future__ import annotations

from tests.conftest import Person
from tests.templates_app.templates import URL, make, path


def test_an_answer_without_a_body_says_nothing_of_its_length(alice: Person) -> None:
    created = make(alice, "one")
    known = {"If-None-Match": created["ETag"]}
    unchanged = alice.client.get(path(created), headers=known)
    deleted = alice.client.delete(path(created))
    assert (unchanged.status_code, deleted.status_code) == (304, 204)
    for answer in (unchanged, deleted):
        assert "Content-Length" not in answer
    assert alice.client.get(URL)["Content-Length"]

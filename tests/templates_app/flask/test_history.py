"""The history of what the Flask service and its routes wrote."""

from __future__ import annotations

import pytest

from tests.conftest import Person
from tests.templates_app.templates import URL, flask_insert
from tests.templates_app.test_history import restore

pytestmark = pytest.mark.store


def test_what_the_flask_service_wrote_can_be_restored(alice: Person) -> None:
    id = flask_insert(alice, {"x": 1})
    alice.client.post("/delete", {"template": {"x": 1}})
    assert restore(alice, f"{URL}/{id}", 1).json()["template"] == {"x": 1}

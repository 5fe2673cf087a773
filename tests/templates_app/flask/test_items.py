"""One template that the Flask service wrote."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Person
from tests.templates_app.templates import URL, flask_insert, listed

pytestmark = pytest.mark.store


def test_a_document_of_the_flask_service_is_read_and_changed(alice: Person) -> None:
    id = flask_insert(alice, {"_cls": "User"})
    read = alice.client.get(f"{URL}/{id}").json()
    written = id.generation_time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert read == {
        "id": str(id),
        "template": {"_cls": "User"},
        "version": 1,
        "created_at": written,
        "updated_at": written,
        "url": f"http://testserver{URL}/{id}",
    }
    changed = alice.client.put(f"{URL}/{id}", {"template": "x"}).json()
    assert (changed["version"], changed["created_at"]) == (2, written)
    assert datetime.fromisoformat(changed["updated_at"]) > datetime.fromisoformat(written)


@pytest.mark.parametrize("odd", [5, None, [1, "a"], 1.5, False])
def test_a_template_of_another_type_is_read_and_deleted(odd: Any, alice: Person) -> None:
    id = flask_insert(alice, odd)
    assert listed(alice) == [odd]
    assert alice.client.get(f"{URL}/{id}").json()["template"] == odd
    assert alice.client.delete(f"{URL}/{id}").status_code == 204

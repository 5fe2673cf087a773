"""What the Flask service's routes store counts as everything does."""

from __future__ import annotations

import pytest
from django.test import override_settings

from templates_app.documents import Template
from templatesvc.mongo.quota import Usage
from tests.conftest import Person

pytestmark = pytest.mark.store


def test_every_write_is_counted(alice: Person) -> None:
    for path, body in (
        ("/create", {"template": {"two": 2}}),
        ("/update", {"old_template": {"two": 2}, "new_template": "five"}),
        ("/update", {"old_template": "x", "new_template": "y"}),
        ("/delete", {"template": "five"}),
    ):
        alice.client.post(path, body)
        assert Usage.of(alice.name).amount == Template.amount_of(alice.name)
    assert Usage.of(alice.name).amount.documents == 0


@override_settings(QUOTA_DOCUMENTS=1)
def test_who_has_as_many_as_they_may_is_told(alice: Person) -> None:
    alice.client.post("/create", {"template": "one"})
    refused = alice.client.post("/create", {"template": "two"})
    assert (refused.status_code, set(refused.json())) == (403, {"msg"})

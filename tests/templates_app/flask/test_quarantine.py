"""What a takeover put aside is still the person's: in their export, and erased with them."""

from __future__ import annotations

import json

import pytest
from bson import ObjectId

from accounts.transfer import exported
from templates_app.documents import Template
from templates_app.flask.adoption.quarantine import Quarantined
from tests.accounts.callers import erase
from tests.conftest import Person

pytestmark = pytest.mark.store


@pytest.fixture(autouse=True)
def _duplicates(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        theirs = {"_id": ObjectId(), "profile": person.name, "template": f"{person.name}'s"}
        Quarantined.keep(Template._get_collection(), [theirs], "an equal template is older")


def test_an_export_has_it(bob: Person) -> None:
    (kept,) = json.loads(b"".join(exported(bob.user)))["quarantine"]
    assert kept["document"]["template"] == "bob's"


def test_it_is_erased(bob: Person) -> None:
    erase(bob.user)
    stored = str(list(Quarantined._get_collection().find()))
    assert "alice's" in stored
    assert "bob's" not in stored

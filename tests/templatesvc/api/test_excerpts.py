"""Long values in a list that people look at."""

from __future__ import annotations

from typing import Any

import pytest

from templates_app.documents import Template
from templatesvc.api.excerpts import MAX_LENGTH
from tests.conftest import Person

URL = "/api/v1/templates"
LONG = {
    "a text": "x" * 500_000,
    "an object of many names": {f"name {number}": number for number in range(20_000)},
    "an object of one long text": {"text": "y" * 500_000},
}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_a_list_for_people_shows_how_a_long_value_begins(value: Any, alice: Person) -> None:
    Template.create(alice.name, {"template": "short"})
    template = Template.create(alice.name, {"template": value})
    page = alice.client.get(URL, HTTP_ACCEPT="text/html").content.decode()
    assert "&quot;short&quot;" in page
    assert f"(the first {MAX_LENGTH:,} of " in page
    assert len(page) < 40_000
    assert str(template.id) in page


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_programs_get_all_of_it(value: Any, alice: Person) -> None:
    template = Template.create(alice.name, {"template": value})
    for path in (URL, f"{URL}/{template.id}"):
        answer = alice.client.get(path).json()
        assert answer.get("results", [answer])[0]["template"] == value

"""Lists in which templates of the Flask service are among others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from templates_app.documents import Template
from tests.conftest import Person
from tests.templates_app.templates import check_order, flask_insert, make, path
from tests.templates_app.test_lists import ORDERINGS

pytestmark = pytest.mark.store


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_orderings_hold_over_pages(ordering: str, alice: Person) -> None:
    for number in range(3):
        flask_insert(alice, f"F{number}", ObjectId.from_datetime(_day(number)))
    made = [make(alice, f"T{number}") for number in range(5)]
    alice.client.put(path(made[1]), {"template": "T1 again"})
    check_order(alice, ordering, count=8)


@pytest.mark.parametrize("ordering", ["updated_at", "-updated_at"])
@pytest.mark.parametrize("year", [1960, 2200, 9999])
def test_updates_at_times_that_no_id_can_hold_have_their_places(
    year: int, ordering: str, alice: Person
) -> None:
    for number in range(3):
        flask_insert(alice, f"F{number}", ObjectId.from_datetime(_day(number)))
    # As many as a page has, so that the next one begins at such a time.
    odd = [ObjectId(make(alice, f"T{number}").json()["id"]) for number in range(2)]
    moment = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    changes = {"$set": {"updated_at": moment}}
    Template._get_collection().update_many({"_id": {"$in": odd}}, changes)
    check_order(alice, ordering, count=5)


def _day(number: int) -> Any:
    return ObjectId(f"5e{number:02x}" + "0" * 20).generation_time


def test_a_template_with_an_id_of_no_time_is_listed_like_the_others(alice: Person) -> None:
    flask_insert(alice, "odd", "x")
    make(alice, "T")
    page = alice.client.get("/api/v1/templates")
    assert page.status_code == 200
    assert len(page.json()["results"]) == 2
    assert alice.client.get("/api/v1/templates/export").status_code == 200

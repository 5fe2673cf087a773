"""Lists in which templates of the Flask service are among others."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

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


def _day(number: int) -> Any:
    return ObjectId(f"5e{number:02x}" + "0" * 20).generation_time

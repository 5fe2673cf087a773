"""Lists of what the Flask service wrote."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from bson import Decimal128, ObjectId

from tests.conftest import Person
from tests.templates_app.templates import flask_insert, listed, make

pytestmark = pytest.mark.store


def test_what_the_flask_service_wrote_is_found_by_the_time_in_its_id(alice: Person) -> None:
    old = datetime(2019, 5, 5, 12, tzinfo=UTC)
    flask_insert(alice, "old", ObjectId.from_datetime(old))
    make(alice, "new")
    assert listed(alice, "created_before=2019-05-05T12:00:01Z") == ["old"]
    assert listed(alice, "created_before=2019-05-05T12:00:00Z") == []
    assert listed(alice, "created_after=2019-05-05T12:00:00Z") == ["new"]
    assert listed(alice, "created_after=2019-05-05T11:59:59.999Z") == ["new", "old"]


def test_values_that_json_does_not_have_are_passed_over(alice: Person) -> None:
    for odd in (Decimal128("1949"), ObjectId(), [1], None):
        flask_insert(alice, odd)
    assert listed(alice, "search=1949") == []
    assert listed(alice, "kind=text") == listed(alice, "kind=object") == []

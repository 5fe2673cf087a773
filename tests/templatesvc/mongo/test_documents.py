"""Documents are read from the store by a shorter way than MongoEngine's, to the same end."""

from __future__ import annotations

from typing import Any

import pytest
from mongoengine.base import BaseDocument

from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.ids import new_id

MOMENT = now()
# Each with what a default would make anew.
MADE = {"_id": new_id(MOMENT), "at": MOMENT, "created_at": MOMENT, "last_used_at": MOMENT}
STORED: list[dict[str, Any]] = [
    MADE,
    MADE | {"username": "alice", "version": 3},
    MADE | {"template": {"a": [1, {"b": None}]}, "details": {"session": "x"}},
    MADE | {"username": None, "spent": [{"id": "x", "at": MOMENT}], "data": ""},
    MADE | {"version": True, "is_active": "no", "password": 5, "headers": {}},
]


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("document", list(ServiceDocument.concrete_classes()))
def test_a_document_is_read_as_mongoengine_would_read_it(
    document: Any, stored: dict[str, Any]
) -> None:
    read = document._from_son(stored)
    # MongoEngine's would take null for a value, where the Flask service means that there is none.
    known = {key: stored[key] for key in document._db_field_map.values() if key in stored}
    given = {key: value for key, value in known.items() if value is not None}
    expected = BaseDocument._from_son.__func__(document, given)
    for attribute in (*BaseDocument.__slots__[:5], "_cls", "pk"):
        assert getattr(read, attribute) == getattr(expected, attribute), attribute
    assert read.to_mongo() == expected.to_mongo()


def test_a_stored_name_of_a_class_or_of_a_key_has_no_effect() -> None:
    for document in ServiceDocument.concrete_classes():
        read = document._from_son({"_id": "mine", "_cls": "User", "pk": "another's"})
        assert type(read) is document
        assert read.pk == "mine"

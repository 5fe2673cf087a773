"""Querysets of this service, beside MongoEngine's own."""

from __future__ import annotations

from typing import Any

import pytest
from mongoengine.queryset import QuerySet

from templates_app.documents import Template
from templatesvc.mongo.querysets import FOUND

CALLS: dict[str, Any] = {
    "nothing": lambda found: found,
    "filter": lambda found: found.filter(version=2).filter(id__gt="5f0000000000000000000000"),
    "raw": lambda found: found.filter(__raw__={"version": {"$gt": 1}}),
    "fields": lambda found: found.only("id", "version").exclude("version"),
    "order": lambda found: found.order_by("-id").limit(3).skip(1).hint("_id_"),
    "owner": lambda found: found.of("ada").containing("x", "template"),
    "found": lambda found: [found, found.count(), list(found)][0],
}
# By what they say, below: two that say the same are not equal.
COMPARED = {"_query_obj", "_mongo_query", "_loaded_fields"}


@pytest.mark.parametrize("name", CALLS)
def test_a_copy_has_what_mongoengines_has(name: str) -> None:
    found = CALLS[name](Template.objects)
    own = Template.objects
    theirs = QuerySet._clone_into(found, own)
    asks = {key: value for key, value in vars(theirs).items() if key not in FOUND | COMPARED}
    copy = found.clone()
    assert {key: vars(copy)[key] for key in asks} == asks
    assert copy._query == theirs._query
    assert copy._loaded_fields.as_dict() == theirs._loaded_fields.as_dict()


def test_what_a_copy_is_told_changes_nothing_of_its_original() -> None:
    found = Template.objects.of("ada")
    before = found._query, found._loaded_fields.as_dict()
    found.only("id").filter(version=3).order_by("id").limit(1)
    assert (found._query, found._loaded_fields.as_dict()) == before


def test_a_copy_looks_for_itself() -> None:
    found = Template.objects.of("ada")
    assert list(found) == []
    Template.create("ada", {"template": "a"})
    assert [each.template for each in found.clone()] == ["a"]

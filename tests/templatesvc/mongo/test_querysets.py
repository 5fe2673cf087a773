"""Querysets of this service, beside MongoEngine's own."""

from __future__ import annotations

from typing import Any

import pytest
from mongoengine.queryset import Q, QuerySet

from templates_app.documents import Template
from templatesvc.mongo.keysets import both
from templatesvc.mongo.querysets import FOUND
from tests.conftest import reads_all

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


LATER = {"id__gt": "5f0000000000000000000000"}
COMBINED: dict[str, Any] = {
    "different fields": lambda found: found.filter(version=2).filter(**LATER).of("ada"),
    "one field twice": lambda found: found.filter(version__gt=2).filter(version__lt=4),
    "one field twice, and another": lambda found: found.of("a").filter(version=2).filter(version=3),
    "raw": lambda found: found.of("ada").filter(__raw__={"version": {"$gt": 1}}).filter(**LATER),
    "either": lambda found: found.of("ada").filter(Q(version=1) | Q(version=2)).filter(**LATER),
    "either alone": lambda found: found.filter(Q(version=1) | Q(template="x")),
    "either, raw": lambda found: found.of("a").filter(__raw__={"$or": [{"x": 1}, {"y": 1}]}),
    "either, raw, with more": lambda found: found.of("a").filter(
        __raw__={"$or": [{"x": 1}, {"y": 1}], "version": 1}
    ),
    "either, raw, and one field twice": lambda found: (
        found.filter(version__gt=2)
        .filter(version__lt=4)
        .filter(__raw__={"$or": [{"x": 1}, {"y": 1}]})
    ),
    "either twice": lambda found: found.filter(Q(version=1) | Q(version=2)).filter(
        Q(template="x") | Q(template="y")
    ),
}


def conditions(query: dict[str, Any]) -> list[Any]:
    """Return all that must hold, in whatever way it is written that it must."""
    found = [(name, value) for name, value in query.items() if name != "$and"]
    found += [each for part in query.get("$and", []) for each in conditions(part)]
    return sorted(found, key=str)


@pytest.mark.parametrize("name", COMBINED)
def test_conditions_are_combined_as_by_mongoengine(name: str) -> None:
    found = COMBINED[name](Template.objects)
    theirs = QuerySet._query.fget(COMBINED[name](Template.objects))
    assert conditions(found._query) == conditions(theirs)
    # Also those that were compiled before, and are narrowed then.
    narrowed = found.filter(updated_at__exists=True)
    assert conditions(narrowed._query) == conditions(
        {"$and": [theirs, {"updated_at": {"$exists": True}}]}
    )


@pytest.mark.parametrize("name", COMBINED)
def test_no_or_stands_beside_a_condition(name: str) -> None:
    found = COMBINED[name](Template.objects)
    for query in (found._query, found.of("bob")._query, both(found._query, {"updated_at": None})):
        assert not reads_all(query)


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


@pytest.mark.parametrize("by", ["created_at", "updated_at"])
def test_a_walk_notes_nothing_that_could_be_a_field(by: str) -> None:
    """A resource may have a field of any name that its class does not refuse."""
    Template.create("ada", {"template": "one"})
    (walked,) = Template.objects.of("ada").walk(by, descending=False)
    noted = vars(walked).keys() - vars(Template._from_son({})).keys()
    assert [name for name in noted if name[0] != "_" and not hasattr(Template, name)] == []

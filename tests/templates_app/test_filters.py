"""Finding: which parameters there are, what they find, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Person
from tests.templates_app.templates import URL, listed, make
from tests.templatesvc.mongo.test_querysets import conditions

pytestmark = pytest.mark.store

BOOK = {"author": "Orwell", "year": 1949, "tags": ["scifi", "Größe"], "at": {"city": "London"}}
KNOWN = (
    "count, created_after, created_before, cursor, fields, format, kind, limit, ordering, search"
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=ORWELL", 1),
        ("search=grösse", 1),
        ("search=author", 0),
        ("search=.*", 0),
        ("search=^a", 0),
        ("search=%24ne", 0),
        ("search=", 3),
        ("template.author=Orwell", 1),
        ("template.author=orwell", 0),
        ("template.author=.*", 0),
        ("template.year=1949", 2),
        ("template.year=1949.0", 1),
        ("template.tags=scifi", 1),
        ("template.at.city=London", 1),
        ("template.author=Orwell&template.year=1950", 0),
        ('template.author={"$ne":1}', 0),
        ("kind=text", 1),
        ("kind=object", 2),
        ("created_after=2020-01-01T00:00:00Z", 3),
        ("created_before=2020-01-01T00:00:00Z", 0),
        ("created_after=2020-01-01T00:00:00%2B02:00", 3),
        ("created_after=2020-01-01T00:00", 3),
        ("kind=object&search=london&template.year=1949", 1),
    ],
)
def test_templates_are_found(query: str, found: int, alice: Person, bob: Person) -> None:
    make(alice, BOOK)
    make(alice, {"year": "1949"})
    make(alice, "a text")
    make(bob, BOOK)
    answer = alice.client.get(f"{URL}?{query}&count=true")
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == answer.json()["count"] == found


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("false", False), ("null", None), ("1.5", 1.5), ("-1", -1), ("1e3", 1000)],
)
def test_a_text_matches_the_constant_as_well(text: str, value: Any, alice: Person) -> None:
    make(alice, {"x": value})
    make(alice, {"x": text})
    make(alice, {"x": "other"})
    make(alice, {"y": 1})
    assert listed(alice, f"template.x={text}") == [{"x": text}, {"x": value}]


@pytest.mark.parametrize(
    "query",
    ["foo=1", "limit=0", "limit=101", "limit=x", "limit=-1", "limit=1.5", "ordering=name"]
    + ["ordering=", "kind=list", "kind=", "cursor=x", "created_after=soon", "count=2"]
    + ["created_before=2020-13-01T00:00:00Z", "template.$where=1", "template.=1", "template=x"]
    + ["template.a..b=1", "search=a&search=b", "search=%00", "profile=bob", "template.a.$gt=1"]
    + ["limit=000000100999", f"limit={'0' * 8}{'9' * 30}", f"limit={'9' * 3000}"]
    + [f"template.{'.'.join('a' * 40)}=1"],
)
def test_a_wrong_parameter_is_named(query: str, alice: Person) -> None:
    answer = alice.client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_an_unknown_parameter_is_answered_with_those_that_there_are(alice: Person) -> None:
    answer = alice.client.get(f"{URL}?author=Orwell&page=2")
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "field": name,
            "message": f"Unknown parameter; there is: {KNOWN}, template.….",
            "code": "bad_parameter",
        }
        for name in ("author", "page")
    ]
    assert "Unknown parameter" in alice.client.get(f"{URL}/deleted?page=2").json()["detail"]


@pytest.mark.wire
def test_a_filter_looks_at_the_owners_templates_alone(
    alice: Person, bob: Person, commands: list[dict[str, Any]]
) -> None:
    make(alice, BOOK)
    make(bob, BOOK)
    commands.clear()
    query = "search=o&kind=object&template.year=1949&created_after=2020-01-01T00:00:00Z&count=true"
    assert len(listed(alice, query)) == 1
    finds = [c["filter"] for c in commands if c.get("find") == "templates"]
    assert finds
    assert all(("profile", "alice") in conditions(found) for found in finds)

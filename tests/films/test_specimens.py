"""Every kind of field: what it takes, what it refuses, and that it comes back the same."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from templatesvc.api import members
from tests.answers import pages
from tests.conftest import Person
from tests.films.documents import Specimen
from tests.films.serializers import SpecimenSerializer

URL = "/api/v1/specimens"
EXAMPLE: dict[str, Any] = SpecimenSerializer.Meta.example
HALF = "\ud800"
FORM = "application/x-www-form-urlencoded"


def send(person: Person, body: Any, method: str = "post", url: str = URL) -> Any:
    return getattr(person.client, method)(url, json.dumps(body), content_type="application/json")


def rows(person: Person, ordering: str) -> list[Any]:
    """Return the rows of all pages, each page of one."""
    found = pages(person.client, f"{URL}?ordering={ordering}&limit=1")
    return [row for page in found for row in page]


@pytest.mark.store
def test_every_value_comes_back_as_it_was_sent(alice: Person) -> None:
    answer = send(alice, EXAMPLE)
    assert answer.status_code == 201, answer.content
    read = alice.client.get(answer["Location"])
    assert {name: read.json()[name] for name in EXAMPLE} == EXAMPLE
    assert read["ETag"] == answer["ETag"]
    again = send(alice, EXAMPLE, "put", answer["Location"])
    assert {name: again.json()[name] for name in EXAMPLE} == EXAMPLE
    lines = b"".join(alice.client.get(f"{URL}/export"))
    ndjson = {"content_type": "application/x-ndjson"}
    assert alice.client.post(f"{URL}/import", lines, **ndjson).json()["skipped"] == 1
    (old,) = alice.client.get(f"{answer['Location']}/versions").json()["results"]
    assert EXAMPLE.items() <= alice.client.get(old["url"]).json().items()


@pytest.mark.store
def test_what_is_not_given_has_its_default_or_nothing(alice: Person) -> None:
    body = send(alice, {"label": "A-1"}).json()
    given = {name: body[name] for name in EXAMPLE if body[name] not in (None, [], {})}
    defaults = {"kingdom": "plant", "legs": 6, "is_rare": False, "state": "draft"}
    assert given == defaults | {"label": "A-1", "is_public": True}
    Specimen._get_collection().update_one({}, {"$unset": {"state": True, "is_public": True}})
    assert alice.client.get(body["url"]).json()["state"] == "draft"  # as it was before the field


REFUSED: dict[str, list[Any]] = {
    "label": ["", 5, None, "x" * 101, ["A-1"], HALF],
    "born_on": ["soon", "2026-02-30", 5, "2026-01-31T00:00:00Z", "0000-01-01"],
    "seen_at": ["soon", 5, "10000-01-01T00:00:00Z"],
    "price": ["", "x", "1.234", "-1", "NaN", "Infinity", "1e7000", "9" * 40],
    "state": ["gone", "", 1, ["open"], {"open": 1}, HALF, True],
    "seats": [-1, 1001, "x", 1.5, True, 2**70, [1], "1_0", "\u0661"],
    "mass": ["nan", "inf", "x", True, [1.0]],
    "is_public": ["maybe", 5, [True]],
    "contact": ["x", "a@b", HALF, 5, ["a@example.org"]],
    "page": ["x", "javascript:alert(1)", HALF, 5],
    "finder": ["x", [], {}, {"floor": 1}, {"name": None}, {"name": 5}]
    + [{"name": "a", key: 1} for key in ("unknown", HALF, "$set", "_cls", "a.b")],
    "others": [{}, "x", [{}], [1], [{"name": "a", "x": 1}]],
    "counts": ["x", ["x"], [None], [True], [[1]], {"0": 1}],
    "parent": ["x", 5, {"$oid": "697df2c0a1b2c3d4e5f60718"}, "g" * 24],
    "ticket": ["x", 5, True, {"$uuid": "x"}],
    "measures": ["x", [], {"$set": 1}, {"a.b": 1}, {"a": HALF}, {"a": 2**70}],
    "anything": [{"$set": 1}, [{"a.b": 1}], HALF, 2**70],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in REFUSED.items() for value in values],
    ids=ascii,
)
def test_what_a_field_does_not_take_is_a_fault_of_the_field(
    field: str, value: Any, alice: Person
) -> None:
    for answer in (
        send(alice, EXAMPLE | {field: value}),
        send(alice, {field: value}, "patch", send(alice, EXAMPLE).json()["url"]),
    ):
        assert answer.status_code == 400, answer.content
        assert {error["field"].partition(".")[0] for error in answer.json()["errors"]} == {field}
    line = json.dumps(EXAMPLE | {"label": "B-1", field: value})
    result = alice.client.post(f"{URL}/import", line, content_type="application/x-ndjson").json()
    # Some of what JSON has no value for is one of Extended JSON's.
    if "$" not in str(value):
        assert result["results"][0]["status"] == "invalid"


@pytest.mark.parametrize("field", ["tags", "counts", "others"])
def test_a_long_list_is_refused_before_it_is_looked_at(field: str, alice: Person) -> None:
    url = "/api/v1/films" if field == "tags" else URL
    body = {"title": "M", "director": "Lang"} if field == "tags" else {"label": "A-1"}
    answer = send(alice, body | {field: [[]] * 2000}, url=url)
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, "max_length")


@pytest.mark.wire  # mongomock can't sort decimals
@pytest.mark.store
@pytest.mark.parametrize("ordering", ["price", "-price"])
def test_more_prices_than_a_first_batch_has_are_listed_once(ordering: str, alice: Person) -> None:
    for number in range(30):
        made = send(alice, {"label": f"A-{number}", "price": f"{number}.50"})
        assert made.status_code == 201
    for limit in (50, 25):
        page, labels = alice.client.get(f"{URL}?ordering={ordering}&limit={limit}").json(), []
        labels += [row["label"] for row in page["results"]]
        while page["next"]:
            page = alice.client.get(page["next"]).json()
            labels += [row["label"] for row in page["results"]]
        expected = [f"A-{number}" for number in range(30)]
        assert labels == (expected if ordering == "price" else expected[::-1])


@pytest.mark.wire  # mongomock can't sort decimals
@pytest.mark.store
@pytest.mark.parametrize("ordering", ["price", "-price", "born_on", "-born_on", "state"])
def test_pages_hold_in_the_order_of_any_kind_of_field(ordering: str, alice: Person) -> None:
    values = [
        {"price": None, "born_on": "2026-01-02", "state": "open"},
        {"price": "2.50", "born_on": None, "state": "draft"},
        {"price": "10.00", "born_on": "2026-01-01", "state": "open"},
        {"price": "2.50", "born_on": "2025-12-31", "state": "closed"},
        {"price": None, "born_on": None, "state": "draft"},
    ]
    for number, value in enumerate(values):
        assert send(alice, {"label": f"A-{number}", **value}).status_code == 201
    found = rows(alice, ordering)
    by = ordering.lstrip("-")
    placed = [row[by] and (float(row[by]) if by == "price" else row[by]) for row in found]
    nulls, others = placed.count(None), [value for value in placed if value is not None]
    assert len(found) == len(values)
    assert others == sorted(others, reverse=ordering.startswith("-"))
    assert placed[:nulls] == [None] * nulls or placed[len(others) :] == [None] * nulls


@pytest.mark.wire
@pytest.mark.parametrize("name", ["state", "kingdom"])  # of which kingdom is required
@pytest.mark.parametrize("way", ["", "-"])
def test_pages_hold_beside_documents_that_are_older_than_a_field(
    way: str, name: str, alice: Person
) -> None:
    for number in range(6):
        assert send(alice, {"label": f"A-{number}"}).status_code == 201
    older = {Specimen.label.db_field: {"$in": ["A-1", "A-3", "A-4"]}}
    Specimen._get_collection().update_many(older, {"$unset": {name: True}})
    found = rows(alice, f"{way}{name}")
    assert sorted(row["label"] for row in found) == [f"A-{number}" for number in range(6)]
    assert {row[name] for row in found} == {Specimen._fields[name].default}


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("state=open", ["A-1"]),
        ("born_on=2026-01-01", ["A-1"]),
        ("price=2.5", ["A-2"]),
        ("is_public=false", ["A-2"]),
        ("counts=7", ["A-2"]),
        ("price=null", ["A-1"]),
    ],
)
def test_filters_compare_as_the_field_reads_them(
    query: str, codes: list[str], alice: Person
) -> None:
    send(alice, {"label": "A-1", "state": "open", "born_on": "2026-01-01"})
    send(alice, {"label": "A-2", "price": "2.50", "is_public": False, "counts": [7]})
    rows = alice.client.get(f"{URL}?{query}").json()["results"]
    assert [row["label"] for row in rows] == codes


def test_a_merge_patch_goes_into_an_embedded_document_and_a_patch_replaces_it(
    alice: Person,
) -> None:
    url = send(alice, EXAMPLE).json()["url"]
    merged = alice.client.patch(
        url, json.dumps({"finder": {"floor": 2}}), content_type="application/merge-patch+json"
    )
    assert merged.json()["finder"] == EXAMPLE["finder"] | {"floor": 2}, merged.json()
    assert send(alice, {"finder": {"floor": 3}}, "patch", url).status_code == 400
    replaced = send(alice, {"finder": {"name": "Small"}}, "patch", url)
    assert replaced.json()["finder"] == EXAMPLE["others"][0]
    emptied = send(alice, {"finder": None, "price": None}, "patch", url).json()
    assert (emptied["finder"], emptied["price"]) == (None, None)


def test_a_form_with_empty_boxes_creates_one(alice: Person) -> None:
    form = {"label": "A-1", "contact": "", "page": "", "price": "", "born_on": "", "seats": ""}
    answer = alice.client.post(URL, form, format="multipart", HTTP_ACCEPT="text/html")
    assert answer.status_code == 201, answer.content
    assert alice.client.get(URL, HTTP_ACCEPT="text/html").status_code == 200


def test_null_gives_a_field_its_default(alice: Person) -> None:
    url = send(alice, EXAMPLE | {"is_public": False}).json()["url"]
    body = {"is_public": None, "state": None, "measures": None, "counts": None}
    for merge in (False, True):
        kind = "application/merge-patch+json" if merge else "application/json"
        answer = alice.client.patch(url, json.dumps(body), content_type=kind)
        expected = {"is_public": True, "state": "draft", "measures": {}, "counts": []}
        assert expected.items() <= answer.json().items(), answer.content


def test_a_field_that_is_younger_than_a_document_is_found_by_its_default(alice: Person) -> None:
    send(alice, {"label": "A-1"})
    stored = {"state": True, "is_public": True}
    Specimen._get_collection().update_one({}, {"$unset": stored, "$set": {"finder": {"gone": 1}}})
    for query in ("state=draft", "is_public=true"):
        (row,) = alice.client.get(f"{URL}?{query}").json()["results"]
        assert (row["state"], row["is_public"], row["finder"]["name"]) == ("draft", True, None)
    assert alice.client.get(f"{URL}?state=open").json()["results"] == []


def test_a_form_fills_an_embedded_document_and_leaves_it_out(alice: Person) -> None:
    page = {"format": "multipart", "HTTP_ACCEPT": "text/html"}
    form = {"label": "A-1", "finder.name": "Large", "finder.floor": "2"}
    assert alice.client.post(URL, form, **page).status_code == 201
    assert alice.client.post(URL, {"label": "A-2", "finder.name": ""}, **page).status_code == 201
    rows = alice.client.get(f"{URL}?ordering=created_at").json()["results"]
    assert [row["finder"] for row in rows] == [
        {"name": "Large", "found_at": None, "floor": 2},
        None,
    ]


@pytest.mark.parametrize("name", ["others[0]name", f"others[{'9' * 5000}]name", "others[0]"])
def test_a_form_has_no_list_of_embedded_documents(name: str, alice: Person) -> None:
    url = send(alice, EXAMPLE).json()["url"]
    for method, at in (("post", URL), ("put", url), ("patch", url)):
        form = urlencode({"label": "A-1", name: "Small"})
        answer = getattr(alice.client, method)(at, form, content_type=FORM)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["code"]) == (400, "unknown_field")


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("measures.height=3", ["A-1"]),
        ("measures.height=null", ["A-2"]),
        ("measures.in.deep=x", ["A-2"]),
        ("anything.a=true", ["A-1"]),
        ("search=deepest", ["A-2"]),
    ],
)
def test_free_json_is_found_by_what_is_in_it(query: str, labels: list[str], alice: Person) -> None:
    send(alice, {"label": "A-1", "measures": {"height": 3}, "anything": {"a": True}})
    inside = {"height": None, "in": [{"deep": "x"}, "the deepest"]}
    send(alice, {"label": "A-2", "measures": inside, "anything": 1})
    rows = alice.client.get(f"{URL}?{query}").json()["results"]
    assert [row["label"] for row in rows] == labels


@pytest.mark.parametrize("query", ["measures=1", "measures.$where=1", "measures..a=1", "notes.a=1"])
def test_what_is_no_place_in_free_json_is_refused(query: str, alice: Person) -> None:
    answer = alice.client.get(f"{URL}?{query}")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, query.partition("=")[0])


def test_so_many_places_in_free_json_are_looked_at_in_one_request(alice: Person) -> None:
    wanted = [f"measures.a{number}=1" for number in range(members.MAX_MEMBERS + 1)]
    answer = alice.client.get(f"{URL}?{'&'.join(wanted)}")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, "measures")
    assert alice.client.get(f"{URL}?{'&'.join(wanted[1:])}&anything.a=1").status_code == 200


def test_a_value_is_stored_as_its_field_has_it_and_null_is_not() -> None:
    values = {"label": "A-1", "born_on": date(2026, 1, 31), "legs": None}
    assert Specimen.stored(values) == {
        "l": "A-1",
        "born_on": datetime(2026, 1, 31),  # noqa: DTZ001  # MongoEngine's, which the store takes for UTC
    }

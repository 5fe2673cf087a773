"""How values are written that JSON does not have."""

from __future__ import annotations

import json
import re
import tracemalloc
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bson import Binary, Code, DBRef, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp, encode
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import OperationFailure

from accounts import audit, transfer
from accounts.audit import Action, AuditEntry
from accounts.clients import Client
from templates_app.documents import Template
from templatesvc.api.notation import extended_json, format_time, from_extended_json, plain_json
from tests.accounts.operators import operators_browser
from tests.answers import there
from tests.conftest import Person, log_in
from tests.templates_app.templates import URL, make, path, store

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SENTENCE = r"\w+\W+\w+\W+\w+"  # three words or more
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ID = ObjectId("65f0c0ffee65f0c0ffee65f0")
UUID = uuid.UUID("0b5ae6f2-0b9d-4b0e-8a36-3b8a6a4f2b11")
# What a script may store, and what people and programs read of it.
FOREIGN: list[tuple[Any, Any]] = [
    (NOON, "2026-01-31T12:00:00.000Z"),
    (datetime(1, 1, 1, 0, 0, 0, 5000, tzinfo=UTC), "0001-01-01T00:00:00.005Z"),
    (DatetimeMS(253_402_300_800_000), "+010000-01-01T00:00:00.000Z"),
    (DatetimeMS(-62_198_755_200_000), "-000001-01-01T00:00:00.000Z"),
    (Timestamp(1_769_860_800, 7), "2026-01-31T12:00:00.000Z"),
    (Binary(UUID.bytes, 4), str(UUID)),
    (Binary(b"\x00", 4), "AA=="),  # no UUID, whatever it is stored as
    (Binary(UUID.bytes, 3), "C1rm8gudSw6KNjuKak8rEQ=="),  # of which nobody knows the order
    (b"\xff\x00", "/wA="),
    (Binary(b"text", 128), "dGV4dA=="),
    (ID, str(ID)),
    (Decimal128("1.50"), "1.50"),
    (Decimal128("NaN"), "NaN"),
    (Int64(2**62), 2**62),
    (Regex("a.b", "i"), "a.b"),
    (Code("f()"), "f()"),
    (DBRef("books", ID), {"$ref": "books", "$id": str(ID)}),
    (MinKey(), "MinKey"),
    (MaxKey(), "MaxKey"),
    (float("inf"), None),
]


@pytest.mark.parametrize(("value", "text"), FOREIGN, ids=repr)
def test_an_answer_has_plain_text(value: Any, text: Any) -> None:
    assert json.loads(plain_json({"in": [value]})) == {"in": [text]}


@pytest.mark.parametrize("indented", [False, True])
@pytest.mark.parametrize("value", [[[]] * 20_000, ["x"] * 10, "x" * 500_000], ids=len)
def test_an_answer_takes_as_much_memory_as_it_has_bytes(value: Any, indented: bool) -> None:
    tracemalloc.start()
    try:
        answer = plain_json(value, indented)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < len(answer) + 5000


@pytest.mark.parametrize("value", [value for value, _ in FOREIGN], ids=repr)
def test_extended_json_is_read_back_exactly(value: Any) -> None:
    for indent in (None, 2):
        again = from_extended_json(extended_json({"in": [value]}, indent))
        assert encode(again) == encode({"in": [value]})


@pytest.mark.parametrize(
    "text",
    [
        *("{", '{"a": 1, "a": 2}', '{"$oid": "x"}', '{"$date": "x"}', '{"$uuid": 1}', "[" * 9999),
        *('{"$binary": 1, "$type": "00"}', '{"$binary": {}}', '{"$binary": {"base64": "x"}}'),
        *('{"$numberDecimal": "x"}', '{"$regularExpression": {"t": 1, "i": 2}}'),
    ],
)
def test_what_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=SENTENCE):
        from_extended_json(text)


LIKE_BSON = [
    *("$oid", "$date", "$binary", "$type", "$uuid", "$code", "$scope", "$regex", "$options"),
    *("$ref", "$id", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal", "$symbol"),
    *("$timestamp", "$minKey", "$maxKey", "$undefined", "$dbPointer", "$regularExpression"),
    *("subType", "base64", "t", "i", "pattern", "options"),
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "00", "é"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(LIKE_BSON), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.search
@given(st.dictionaries(st.sampled_from(LIKE_BSON), ODD, min_size=1, max_size=3))
def test_what_looks_like_bson_is_read_or_refused_with_a_sentence(value: Any) -> None:
    said = "it was read"
    try:
        from_extended_json(json.dumps(value))
    except ValueError as error:
        said = str(error)
    assert re.search(SENTENCE, said)


def test_what_has_no_text_where_bson_wants_one_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"^a value with \$ in its keys is not"):
        from_extended_json('{"$binary": 1, "$type": "00"}')


def test_times_are_in_utc_with_three_digits_and_in_order_as_text() -> None:
    moments = [NOON + timedelta(milliseconds=n) for n in (0, 1, 10, 999, 1000, 86_400_000)]
    texts = [format_time(moment.astimezone(timezone(timedelta(hours=5)))) for moment in moments]
    assert texts == sorted(texts)
    assert texts[:2] == ["2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.001Z"]
    assert all(TIME.fullmatch(text) for text in texts)


# --- Wherever something is written ---------------------------------------------------------------


def times_in(value: Any, name: str = "") -> Iterator[str]:
    """Yield each time in JSON, known by the name of its field."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from times_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from times_in(inner, name)
    elif re.search(r"(\b|_)at$|^date_joined$|^last_login$", name) and value is not None:
        yield value


def test_there_is_one_notation_of_times_everywhere(alice: Person) -> None:
    created = make(alice, "one")
    store(alice, "of a whole second")
    alice.client.put(path(created), {"template": "two"})
    alice.client.delete(path(make(alice, "three")))
    alice.user.logged_in()
    audit.record(Action.LOGGED_IN, "alice", Client())
    answers = [
        created.json(),
        *(
            alice.client.get(f"/api/v1/{route}").json()
            for route in ("templates", "templates/deleted", "users/me", "sessions")
        ),
        alice.client.get(f"{path(created)}/versions").json(),
        alice.client.get(f"{path(created)}/versions/1").json(),
        operators_browser().get("/api/v1/users").json(),
        *map(json.loads, b"".join(alice.client.get(f"{URL}/export")).splitlines()),
        *(json.loads(transfer.entry_line(entry)) for entry in AuditEntry.objects),
        json.loads(b"".join(transfer.exported(alice.user))),
    ]
    for answer in answers:
        found = list(times_in(answer))
        assert found, answer
        assert [text for text in found if not TIME.fullmatch(text)] == []


def stored_by(person: Person) -> dict[str, tuple[Any, Any]]:
    """Return what the store takes.

    The embedded server takes no times beyond Python's calendar, and no DBRef into an index.
    """
    taken = {}
    for number, (value, text) in enumerate(FOREIGN):
        try:
            Template.objects(id=store(person, value)).delete()
        except OperationFailure:
            assert isinstance(value, DatetimeMS | DBRef)
        else:
            taken[f"v{number}"] = (value, text)
    return taken


def test_a_value_of_a_script_is_plain_text_wherever_it_is_read(alice: Person) -> None:
    values = stored_by(alice)
    stored = {name: value for name, (value, _) in values.items()}
    expected = {name: text for name, (_, text) in values.items()}
    item = f"{URL}/{store(alice, stored)}"
    assert alice.client.get(item).json()["template"] == expected
    assert alice.client.get(URL).json()["results"][0]["template"] == expected
    for route in there("/get"):
        assert alice.client.get(route).json()["docs"][0]["template"] == expected
    page = alice.client.get(item, headers={"Accept": "text/html"}).content.decode()
    assert "/wA=" in page
    for word in ("b&#x27;", "Binary(", "Decimal128(", "DatetimeMS(", "Regex("):
        assert word not in page


def test_a_merge_patch_leaves_values_of_a_script_as_they_are(alice: Person) -> None:
    stored = {name: value for name, (value, text) in stored_by(alice).items() if text is not None}
    id = store(alice, stored)
    answer = alice.client.patch(
        f"{URL}/{id}",
        json.dumps({"template": {"more": 1}}),
        content_type="application/merge-patch+json",
    )
    assert answer.status_code == 200, answer.content
    kept = Template.objects.get(id=id).template
    assert encode({"": kept}) == encode({"": stored | {"more": 1}})


def test_values_of_a_script_go_out_and_come_back(alice: Person) -> None:
    stored = {name: value for name, (value, text) in stored_by(alice).items() if text is not None}
    store(alice, stored)
    lines = b"".join(alice.client.get(f"{URL}/export"))
    bob = log_in("bob", "builder-22")
    answer = bob.client.post(f"{URL}/import", lines, content_type="application/x-ndjson")
    assert answer.json()["created"] == 1, answer.content
    kept = Template.objects.of(bob.name).first()
    assert encode({"": kept.template}) == encode({"": stored})

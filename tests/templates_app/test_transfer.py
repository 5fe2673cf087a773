"""Export and import: what was taken along comes back exactly, and each line is answered."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
import time_machine
from bson import Binary, Decimal128, Int64, ObjectId, Regex, Timestamp, encode
from django.conf import settings
from django.test import override_settings
from pymongo.errors import BulkWriteError

from accounts.documents import Session
from accounts.exceptions import SessionEnded
from accounts.tokens import token_pair
from templates_app.documents import Template
from templates_app.serializers import TemplateSerializer
from templatesvc.api import imports, transfer
from templatesvc.api.import_lines import MAX_IMPORTED_VERSION, Entry
from templatesvc.api.imports import Import
from templatesvc.api.ndjson import NDJSONParser
from templatesvc.api.turns import ImportInProgress, one_at_a_time
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from templatesvc.mongo.leases import Lease
from tests.accounts.callers import erase
from tests.conftest import Person, heir_of
from tests.templates_app.templates import URL, listed, make, path, store

pytestmark = pytest.mark.store

BOOK = {"author": "Orwell", "year": 1949}
DAY = datetime(2020, 2, 29, 12, 30, 0, 123_000, tzinfo=UTC)


def exported(person: Person) -> bytes:
    return person.client.get(f"{URL}/export").getvalue()


def send(person: Person, lines: bytes, query: str = "") -> Any:
    url = f"{URL}/import{query}"
    return person.client.post(url, lines, content_type="application/x-ndjson")


def imported(person: Person, lines: bytes, mode: str = "skip") -> Any:
    answer = send(person, lines, f"?mode={mode}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def line(**members: Any) -> bytes:
    return json.dumps(members).encode() + b"\n"


def test_an_export_is_a_file_of_lines(alice: Person, bob: Person) -> None:
    created = make(alice, BOOK).json()
    make(bob, "not hers")
    answer = alice.client.get(f"{URL}/export")
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'attachment; filename="templates.ndjson"'
    (entry,) = [json.loads(text) for text in answer.getvalue().splitlines()]
    created.pop("url")
    times = {name: datetime.fromisoformat(entry.pop(name)) for name in ("created_at", "updated_at")}
    assert {name: datetime.fromisoformat(created.pop(name)) for name in times} == times
    assert entry == created


@pytest.mark.parametrize(
    "value",
    [
        'ü\u2028\\"\n',
        BOOK,
        {"max": 2**63 - 1, "min": -(2**63), "float": 1.0, "one": 1, "tiny": 5e-324, "zero": -0.0},
        {"deep": [{"x": [None, True, {}]}], "": ""},
        {"date": DAY, "before": datetime(1960, 1, 1, tzinfo=UTC)},
        {"id": ObjectId(), "money": Decimal128("1.50"), "long": Int64(2**40)},
        {"bytes": b"\xff\x00", "own": Binary(b"\x01", 128), "uuid": Binary(b"0" * 16, 4)},
        {"pattern": Regex("a.b", "i"), "stamp": Timestamp(5, 6)},
    ],
)
def test_what_is_exported_comes_back_exactly(value: Any, alice: Person, bob: Person) -> None:
    id = store(alice, value)
    alice.client.put(path_of(id), {"template": "in between"})
    Template.objects(id=id).update(__raw__={"$set": {"template": value}})
    before, lines = Template.objects.get(id=id), exported(alice)
    Template.objects.delete()
    answer = imported(bob, lines)
    assert answer["created"] == 1
    kept = Template.objects.get()
    assert encode({"": kept.template}) == encode({"": value})
    assert (kept.owner, kept.version) == ("bob", 2)
    assert (kept.created, kept.updated) == (before.created, before.updated)
    assert exported(bob) == lines.replace(str(id).encode(), answer["results"][0]["id"].encode())
    assert imported(bob, lines)["skipped"] == 1
    assert imported(bob, lines, "replace")["skipped"] == 1


def test_an_export_of_nothing_comes_back_as_well(alice: Person, bob: Person) -> None:
    assert exported(alice) == b""
    assert imported(bob, exported(alice))["results"] == []


def path_of(id: Any) -> str:
    return f"{URL}/{id}"


@pytest.mark.parametrize("mode", ["skip", "replace"])
@pytest.mark.parametrize("state", ["standing", "deleted", "nobody's"])
def test_an_import_does_not_tell_whether_an_id_is_somebody_elses(
    state: str, mode: str, alice: Person, bob: Person
) -> None:
    created = make(alice, "hers").json()
    if state == "deleted":
        alice.client.delete(path_of(created["id"]))
    if state == "nobody's":
        Template.objects.delete()
    hers = listed(alice)
    lines = line(id=created["id"], template="a") + line(template="b")
    first, again = (imported(bob, lines, mode)["results"] for _ in range(2))
    assert [outcome["status"] for outcome in first] == ["created", "created"]
    assert first[0]["id"] != created["id"]
    assert first[0]["id"][:12] == created["id"][:12]  # it is listed by the time of its making
    assert again[0] == {"line": 1, "status": "skipped", "id": first[0]["id"]}
    assert imported(bob, lines.replace(b'"a"', b'"c"'), mode)["created"] == 0
    assert set(listed(bob)) == ({"c", "b"} if mode == "replace" else {"a", "b"})
    assert listed(alice) == hers


def test_an_id_is_exchanged_for_another_of_each_owner(alice: Person, bob: Person) -> None:
    lines = b"".join(line(id=str(ObjectId()), template=f"{n}") for n in range(3))
    ids = [[each["id"] for each in imported(p, lines)["results"]] for p in (alice, bob)]
    assert len({*ids[0], *ids[1]}) == 6
    assert set(listed(bob)) == set(listed(alice))


def test_what_was_exchanged_and_deleted_comes_back_under_its_id(alice: Person) -> None:
    lines = line(id=str(ObjectId()), template="a")
    (first,) = imported(alice, lines)["results"]
    alice.client.delete(path_of(first["id"]))
    assert imported(alice, lines)["results"] == [first]
    assert alice.client.get(path_of(first["id"])).json()["version"] == 2


def test_an_import_tells_what_became_of_each_line(alice: Person) -> None:
    made = make(alice, "old").json()["id"]
    there = make(alice, "there").json()["id"]
    lines = b'{"template":"new"}\nnonsense\n\n{"template":5}\n{"template":"x","foo":1}\n'
    lines += line(id=made, template="newer") + line(template="there") + line(id=made, template="z")
    lines += line(id=there, template="newer")
    answer = imported(alice, lines, "replace")
    outcomes = [(result["line"], result["status"]) for result in answer["results"]]
    assert outcomes == [
        (1, "created"),
        (2, "invalid"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "replaced"),
        (7, "skipped"),
        (8, "invalid"),
        (9, "skipped"),
    ]
    assert (answer["created"], answer["replaced"]) == (1, 1)
    assert (answer["skipped"], answer["invalid"]) == (2, 4)
    assert set(listed(alice)) == {"new", "newer", "there"}


def test_skip_leaves_what_is_there_and_replace_keeps_its_history(alice: Person) -> None:
    created = make(alice, "mine")
    theirs = line(id=created.json()["id"], template="theirs")
    assert imported(alice, theirs)["skipped"] == 1
    assert alice.client.get(path(created)).json() == created.json()
    assert imported(alice, theirs, "replace")["replaced"] == 1
    assert alice.client.get(path(created)).json()["version"] == 2
    assert alice.client.get(f"{path(created)}/versions/1").json()["template"] == "mine"


def test_what_was_deleted_comes_back_as_a_version_it_never_had(alice: Person) -> None:
    created = make(alice, "one")
    lines = exported(alice).replace(b"one", b"three")
    alice.client.put(path(created), {"template": "two"})
    alice.client.delete(path(created))
    assert imported(alice, lines)["created"] == 1
    assert alice.client.get(path(created)).json()["version"] == 3
    assert alice.client.get(f"{path(created)}/versions/2").json()["template"] == "two"
    assert alice.client.get(f"{URL}/deleted").json()["results"] == []


def test_what_comes_with_the_largest_version_can_be_changed_and_restored(alice: Person) -> None:
    id, last = ObjectId(), MAX_IMPORTED_VERSION
    answer = imported(alice, line(id=str(id), template="a", version=last))
    id = answer["results"][0]["id"]
    for number in range(1, 4):
        changed = alice.client.put(path_of(id), {"template": f"{number}"})
        assert changed.json()["version"] == last + number
    shown = alice.client.get(f"{path_of(id)}/versions").json()["results"]
    assert [version["version"] for version in shown] == [last + 2, last + 1, last]
    alice.client.delete(path_of(id))
    assert alice.client.get(f"{URL}/deleted").json()["results"][0]["version"] == last + 3
    restored = alice.client.post(f"{path_of(id)}/restore", {"version": last + 3})
    assert restored.status_code == 201


@pytest.mark.parametrize(
    "bad",
    [
        b"[]",
        b"5",
        b"{}",
        b'{"template":""}',
        b'{"template":{"$oid":"x"}}',
        b'{"template":{"a.b":1}}',
        b'{"template":{"$set":1}}',
        b'{"template":"a","template":"b"}',
        b'{"template":NaN}',
        b'{"template":{"n":1' + b"0" * 30 + b"}}",
        b'{"template":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"template":"\xff"}',
        b'{"template":"\\ud800"}',
        line(template="a", id="x"),
        line(template="a", id=5),
        line(template="a", version=0),
        line(template="a", version=True),
        line(template="a", version=MAX_IMPORTED_VERSION + 1),
        line(template="a", profile="bob"),
        line(template="a", created_at="2020-01-01"),
        line(template="a", created_at="1960-01-01T00:00:00Z"),
        line(template="a", created_at={"$date": "2020-01-01T00:00:00Z"}),
        line(template="a", id="5f" * 12, created_at="2020-01-01T00:00:00Z"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_the_others_are_kept(bad: bytes, alice: Person) -> None:
    answer = imported(alice, bad.rstrip() + b"\n" + line(template="good"))
    assert [result["status"] for result in answer["results"]] == ["invalid", "created"]
    assert answer["results"][0]["detail"]
    assert listed(alice) == ["good"]


def test_an_import_is_of_lines_of_json(alice: Person) -> None:
    assert send(alice, b"", "?mode=merge").status_code == 400
    assert send(alice, b"", "?mod=skip").status_code == 400
    assert imported(alice, b"\n\n")["results"] == []
    answer = alice.client.post(f"{URL}/import", {"template": "x"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_an_export_and_an_import_take_the_parameters_that_they_know(alice: Person) -> None:
    for query in ("?mode=skip", "?ordering=created_at", "?format=json&format=json"):
        answer = alice.client.get(f"{URL}/export{query}")
        assert answer.status_code == 400, query
    assert alice.client.get(f"{URL}/export?format=json").status_code == 200
    assert send(alice, line(template="a"), "?format=json&mode=skip").status_code == 200
    assert send(alice, b"", "?format=json&mod=skip").status_code == 400


def test_an_import_may_be_10_mib_and_no_larger(alice: Person) -> None:
    assert settings.MAX_IMPORT_SIZE == 10 * 1024 * 1024
    lines = b"".join(line(template=f"{n} " + "x" * 99_000) for n in range(20))
    with override_settings(MAX_IMPORT_SIZE=len(lines)):
        assert imported(alice, lines)["created"] == 20
        answer = send(alice, lines + b" ")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert send(alice, b"\n" * (NDJSONParser.max_lines + 1)).status_code == 413


@pytest.mark.parametrize(
    "value",
    ["[" + "{}," * 400_000 + "{}]", "[" + "1," * 700_000 + "1]", '"' + "x" * 8_000_000 + '"'],
)
def test_a_line_that_can_not_be_kept_is_refused_before_it_is_parsed(
    value: str, alice: Person
) -> None:
    text = f'{{"template":{{"a":{value}}}}}'.encode()
    imported(alice, b"")  # what is loaded at the first import is loaded
    tracemalloc.start()
    try:
        importing = Import(alice.user, TemplateSerializer, "skip", str(ObjectId()))
        outcome = importing.run(text + b"\n" + line(template="good"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [result["status"] for result in outcome["results"]] == ["invalid", "created"]
    # Parsed, it takes more than twenty times its bytes.
    assert peak < 6 * len(text)


def test_what_is_largest_in_json_comes_back(alice: Person, bob: Person) -> None:
    value = {"controls": "\1" * 500_000, "quotes": '"\\{[,' * 60_000, "objects": [{}] * 10_000}
    store(alice, value)
    assert imported(bob, exported(alice))["created"] == 1


def test_a_time_in_the_future_is_refused(alice: Person) -> None:
    def later(seconds: int) -> str:
        return (now() + timedelta(seconds=seconds)).isoformat()

    def with_id(seconds: int) -> str:
        return str(new_id(now() + timedelta(seconds=seconds)))

    lines = line(template="a", created_at=later(120)) + line(template="b", updated_at=later(120))
    lines += line(template="c", id=with_id(120)) + line(template="d", created_at=later(30))
    lines += line(template="e", id=with_id(30)) + line(template="f", created_at=later(-30))
    outcomes = imported(alice, lines)["results"]
    assert [outcome["status"] for outcome in outcomes] == ["invalid"] * 3 + ["created"] * 3


def test_an_answer_has_a_bound_and_can_be_kept(alice: Person) -> None:
    name = "\\u0001" * 30
    lines = f'{{"template":1,"{name}":1}}\n'.encode() * 20_000
    headers = {"Idempotency-Key": "k1"}
    url, kind = f"{URL}/import", "application/x-ndjson"
    first, second = (
        alice.client.post(url, lines, content_type=kind, headers=headers) for _ in range(2)
    )
    assert (first.status_code, first.json()["invalid"]) == (200, 20_000)
    assert len(first.content) < 50 * 20_000
    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")
    details = ["detail" in result for result in first.json()["results"]]
    assert (sum(details), details[0]) == (100, True)


def test_a_person_has_one_import_at_a_time(alice: Person, bob: Person) -> None:
    """Whoever is refused keeps the right to do it later, also under the same key."""
    keyed: dict[str, Any] = {"headers": {"Idempotency-Key": "k1"}}
    url, kind = f"{URL}/import", "application/x-ndjson"
    with one_at_a_time(alice.name, transfer.IMPORT_TURN, ImportInProgress(5)):
        for headers in ({}, keyed):
            answer = alice.client.post(url, line(template="a"), content_type=kind, **headers)
            assert (answer.status_code, answer.json()["code"]) == (429, "import_in_progress")
            assert answer["Retry-After"] == "5"
        assert listed(alice) == []
        assert imported(bob, line(template="b"))["created"] == 1
    for _ in range(2):
        answer = alice.client.post(url, line(template="a"), content_type=kind, **keyed)
        assert (answer.status_code, answer.json()["created"]) == (200, 1)
    assert Lease.objects.count() == 0


def test_an_import_holds_its_turn_batch_by_batch(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    others: list[str] = []

    def come_in_between() -> None:
        with pytest.raises(ImportInProgress), one_at_a_time(alice.name, turn, ImportInProgress(5)):
            others.append("let in")
        clock.shift(turn * 0.9)

    turn = transfer.IMPORT_TURN
    importing = Import(alice.user, TemplateSerializer, "skip", str(ObjectId()))
    with (
        time_machine.travel(now(), tick=False) as clock,
        one_at_a_time(alice.name, turn, ImportInProgress(5)) as prolong,
    ):
        lines = b"".join(line(template=f"{n}") for n in range(4))
        assert importing.run(lines, [prolong, come_in_between])["created"] == 4
    assert not others


def test_large_templates_are_replaced_in_parts(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH_SIZE", 3000)
    made = [make(alice, f"{n}" + "x" * 1000).json()["id"] for n in range(9)]
    lines = b"".join(line(id=id, template=f"new {n}") for n, id in enumerate(made))
    assert imported(alice, lines, "replace")["replaced"] == 9
    assert set(listed(alice)) == {f"new {n}" for n in range(9)}


def before_batch(number: int, act: Callable[[], object]) -> Callable[[], None]:
    """Return what does something before the batch of a number, from 1 on."""
    numbers = count(1)

    def hold() -> None:
        if next(numbers) == number:
            act()

    return hold


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_an_import_leaves_nothing_of_who_is_erased_meanwhile(
    batch: int, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    heirs: list[Person] = []

    def inherit() -> None:
        erase(alice.user)
        heirs.append(heir_of(alice))
        make(heirs[0], "the heir's")

    lines = b"".join(line(template=f"{n}") for n in range(6))
    importing = Import(alice.user, TemplateSerializer, "skip", str(ObjectId()))
    with pytest.raises(SessionEnded):
        importing.run(lines, [before_batch(batch, inherit)])
    assert listed(heirs[0]) == ["the heir's"]
    assert Template.objects.count() == 1


def test_an_import_leaves_no_history_of_who_is_erased_in_a_batch(alice: Person) -> None:
    """As if the erasure came between the two writes of a replacement."""
    id = ObjectId(make(alice, "old").json()["id"])
    entry = Entry(1, document=Template.objects.get(), status="replaced")
    erase(alice.user)
    Template.Version.keep_all([entry.document])
    Import(alice.user, TemplateSerializer, "replace", str(ObjectId()))._take_back([], [entry])
    assert Template.Version.objects(document_id=id).count() == 0


def test_who_is_deactivated_meanwhile_keeps_what_was_there(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    old, deleted = make(alice, "old"), make(alice, "deleted")
    alice.client.delete(path(deleted))
    lines = line(template="a") + line(template="b")
    lines += line(id=deleted.json()["id"], template="c") + line(id=old.json()["id"], template="d")
    importing = Import(alice.user, TemplateSerializer, "replace", str(ObjectId()))
    with pytest.raises(SessionEnded):
        importing.run(lines, [before_batch(2, alice.user.deactivate)])
    assert {template.template for template in Template.objects} == {"a", "b", "d"}
    assert {version.template for version in Template.Version.objects} == {"old", "deleted"}
    assert [version.template for version in Template.Version.deleted_of(alice.name)] == ["deleted"]


@pytest.mark.wire
def test_what_is_deleted_as_it_is_imported_stays_deleted(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    url = path(make(alice, "one"))
    lines = exported(alice)
    alice.client.delete(url)
    meanwhile("after", "insert", "templates", partial(alice.client.delete, url))
    assert imported(alice, lines)["created"] == 1
    assert listed(alice) == []
    (entry,) = alice.client.get(f"{URL}/deleted").json()["results"]
    assert entry["version"] == 2


@pytest.mark.wire
def test_what_is_changed_while_it_is_replaced_keeps_the_change(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    first, second = make(alice, "first"), make(alice, "second")
    lines = exported(alice).replace(b'first"', b'new 1"').replace(b'second"', b'new 2"')
    change = {"$set": {"template": "theirs"}, "$inc": {"version": 1}}
    id = {"_id": ObjectId(second.json()["id"])}
    change_it = partial(Template._get_collection().update_one, id, change)
    meanwhile("before", "update", "templates", change_it)
    results = {row["id"]: row for row in imported(alice, lines, "replace")["results"]}
    assert results[first.json()["id"]]["status"] == "replaced"
    assert "Somebody changed or deleted it" in results[second.json()["id"]]["detail"]
    assert set(listed(alice)) == {"new 1", "theirs"}
    kept = Template.Version.objects(document_id=ObjectId(first.json()["id"]))
    assert [version.template for version in kept] == ["first"]


@pytest.mark.wire
def test_an_import_whose_session_ended_meanwhile_is_a_401_that_frees_its_key(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    headers, lines = {"Idempotency-Key": "k1"}, line(template="a")
    url, kind = f"{URL}/import", "application/x-ndjson"
    meanwhile("after", "update", "idempotent_requests", alice.user.deactivate)
    answer = alice.client.post(url, lines, content_type=kind, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert Template.objects.count() == 0
    alice.user.reactivate()
    session = token_pair(Session.start(alice.user))
    alice.client.credentials(HTTP_AUTHORIZATION=f"Bearer {session['access_token']}")
    again = alice.client.post(url, lines, content_type=kind, headers=headers)
    assert (again.status_code, again.json()["created"]) == (200, 1)


@pytest.mark.wire
@pytest.mark.parametrize("mode", ["skip", "replace"])
def test_a_batch_makes_as_many_round_trips_however_long_it_is(
    mode: str, alice: Person, commands: list[dict[str, Any]]
) -> None:
    counts = []
    for start, lines in ((0, 4), (1000, 200)):
        old = b"".join(line(template=f"old {start + n}") for n in range(lines))
        imported(alice, old)
        changed = exported(alice).replace(b"old", b"new")
        new = b"".join(line(template=f"own {start + n}") for n in range(lines // 2))
        commands.clear()
        imported(alice, changed + new, mode)
        names = [next(iter(command)) for command in commands]
        # What a cursor reads comes in parts, by its size.
        counts.append([name for name in names if name != "getMore"])
    assert counts[0] == counts[1]


@pytest.mark.wire
def test_an_export_reads_by_one_cursor(alice: Person, commands: list[dict[str, Any]]) -> None:
    Template._get_collection().insert_many(
        [{"profile": "alice", "template": f"{n}"} for n in range(250)]
    )
    commands.clear()
    assert len(exported(alice).splitlines()) == 250
    asked = [next(iter(command)) for command in commands]
    assert asked == ["aggregate", "find", "getMore"]


@pytest.mark.parametrize("operation", ["insert_many", "bulk_write"])
def test_what_the_members_of_a_set_do_not_confirm_is_not_told_as_stored(
    operation: str, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(alice, "old")
    lines = exported(alice).replace(b"old", b"changed") + line(template="new")
    driver = type(Template._get_collection())
    real = getattr(driver, operation)

    def unconfirmed(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = real(self, *args, **kwargs)
        if self.name != "templates":
            return result
        late = {"code": 64, "errmsg": "waiting timed out", "errInfo": {"wtimeout": True}}
        raise BulkWriteError({"writeErrors": [], "writeConcernErrors": [late], "nMatched": 1})

    with monkeypatch.context() as patched:
        patched.setattr(driver, operation, unconfirmed)
        answer = send(alice, lines, "?mode=replace")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    again = imported(alice, lines, "replace")
    assert again["created"] + again["replaced"] + again["skipped"] == 2

"""How much an owner may keep, by any route; races are in tests/test_quota_races.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from mongoengine.errors import NotUniqueError

from accounts.audit import AuditEntry
from accounts.operators import Role
from templates_app.documents import Template
from templatesvc.mongo import quota
from templatesvc.mongo.amounts import Amount, size_of
from templatesvc.mongo.batches import BATCH_SECONDS
from templatesvc.mongo.clock import now
from templatesvc.mongo.quota import CLOCK_SECONDS, OverQuota, Usage
from tests.accounts.callers import after
from tests.accounts.operators import operators_browser, page_of, text
from tests.conftest import Person
from tests.templates_app.templates import URL, listed, path

pytestmark = pytest.mark.store

ME = "/api/v1/users/me"


def make(person: Person, value: Any) -> Any:
    return person.client.post(URL, {"template": value})


def used(person: Person) -> Amount:
    quota = person.client.get(ME).json()["quota"]
    return Amount(quota["documents"], quota["bytes"])


def counted(person: Person) -> Amount:
    """Return what is stored, which is what the count is to say."""
    return Template.amount_of(person.name)


def change(person: Person, value: Any) -> None:
    """Change the person's template, at any time: their token is good for a day."""
    assert Template.objects.of(person.name).replace({"template": value})


def imported(person: Person, *values: str) -> Any:
    lines = b"".join(json.dumps({"template": value}).encode() + b"\n" for value in values)
    return person.client.post(f"{URL}/import", lines, content_type="application/x-ndjson").json()


def test_every_write_is_counted(alice: Person, bob: Person) -> None:
    make(bob, "not hers")
    assert used(alice) == (0, 0)
    first = make(alice, "one")
    second = make(alice, {"two": 2})
    assert (
        used(alice)
        == (2, size_of({"template": "one"}) + size_of({"template": {"two": 2}}))
        == counted(alice)
    )
    alice.client.put(path(first), {"template": "three"})
    alice.client.patch(path(first), {"template": {"four": [4]}})
    alice.client.put(path(second), {"template": "five"})
    assert used(alice) == counted(alice)
    alice.client.delete(path(first))
    alice.client.delete(path(second))
    assert used(alice) == counted(alice)
    assert used(alice).documents == 0
    alice.client.post(f"{path(first)}/restore", {"version": 3})
    assert used(alice) == counted(alice)
    imported(alice, "six", "seven", "six")
    assert used(alice) == counted(alice)
    assert used(alice).documents == 3


def test_what_stores_nothing_counts_nothing(alice: Person) -> None:
    first = make(alice, "one")
    make(alice, "two")
    before = used(alice)
    assert make(alice, "one").status_code == 409
    assert alice.client.put(path(first), {"template": "two"}).status_code == 409
    assert alice.client.delete(f"{URL}/{'0' * 24}").status_code == 404
    imported(alice, "one", "two")
    assert used(alice) == before == counted(alice)


@override_settings(HISTORY_VERSIONS=0)
def test_without_history_what_is_replaced_takes_no_room(alice: Person) -> None:
    first = make(alice, "one")
    alice.client.put(path(first), {"template": "another"})
    assert used(alice) == (1, size_of({"template": "another"}))
    alice.client.delete(path(first))
    assert used(alice) == (0, 0)


@override_settings(HISTORY_VERSIONS=3)
def test_what_is_overwritten_in_the_history_takes_no_room(alice: Person) -> None:
    first, size = make(alice, "x" * 1000), size_of({"template": "x" * 1000})
    with override_settings(QUOTA_BYTES=6 * size):
        for letter in "abcdefghijklm" * 2:
            changed = alice.client.put(path(first), {"template": letter * 1000})
            assert changed.status_code == 200
        assert used(alice).bytes == counted(alice).bytes == 4 * size


@override_settings(HISTORY_VERSIONS=1)
def test_what_a_deletion_overwrites_in_the_history_is_given_back_at_once(alice: Person) -> None:
    first = make(alice, "one")
    alice.client.put(path(first), {"template": "longer"})
    alice.client.delete(path(first))
    assert used(alice) == counted(alice) == (0, size_of({"template": "longer"}))


@override_settings(HISTORY_VERSIONS=1)
def test_a_state_that_is_not_kept_takes_no_room(alice: Person) -> None:
    first = make(alice, "one")
    late = Template.objects.get()
    alice.client.put(path(first), {"template": "two"})
    alice.client.put(path(first), {"template": "three"})
    assert late.keep_version() == (0, late.bson_size)


@pytest.mark.wire
@override_settings(HISTORY_VERSIONS=1)
def test_only_a_change_that_overwrites_history_takes_a_round_trip_more(
    alice: Person, commands: list[dict[str, Any]]
) -> None:
    first, taken = make(alice, "one"), []
    for value in ("two", "six", "ten"):
        commands.clear()
        alice.client.put(path(first), {"template": value})
        taken.append(len(commands))
    assert taken == [4, 5, 5]


@override_settings(QUOTA_DOCUMENTS=2)
def test_who_has_as_many_as_they_may_is_told_what_to_do(alice: Person, bob: Person) -> None:
    first = make(alice, "one")
    make(alice, "two")
    answer = make(alice, "three")
    assert (answer.status_code, answer.json()["code"]) == (403, "quota_exceeded")
    assert "2 of 2 documents" in answer.json()["detail"]
    assert "Delete" in answer.json()["detail"]
    assert [line["status"] for line in imported(alice, "one", "three")["results"]] == [
        "invalid",
        "invalid",
    ]
    assert make(bob, "his").status_code == 201
    assert alice.client.put(path(first), {"template": "another"}).status_code == 200
    assert alice.client.delete(path(first)).status_code == 204
    assert make(alice, "three").status_code == 201
    assert alice.client.post(f"{path(first)}/restore", {"version": 1}).status_code == 403
    assert used(alice) == counted(alice)


def test_bytes_are_counted_with_history_and_deleting_for_good_makes_room(alice: Person) -> None:
    value = "x" * 1000
    with override_settings(QUOTA_BYTES=5 * size_of({"template": value})):
        first = make(alice, value)
        for letter in "abcd":
            changed = alice.client.put(path(first), {"template": letter * 1000})
            assert changed.status_code == 200
        answer = alice.client.put(path(first), {"template": "e" * 1000})
        assert (answer.status_code, answer.json()["code"]) == (403, "quota_exceeded")
        assert alice.client.delete(path(first)).status_code == 204
        with after(seconds=50):
            assert make(alice, "e" * 1000).status_code == 403
            assert alice.client.delete(f"{URL}/deleted").status_code == 204
            assert Template.Version.objects.count() == 0
            assert make(alice, "e" * 1000).status_code == 201
            assert used(alice) == counted(alice)


def test_who_has_just_made_room_is_told_when_it_is_counted(alice: Person) -> None:
    value = "x" * 1000
    with override_settings(QUOTA_BYTES=2 * size_of({"template": value})):
        first = make(alice, value)
        assert "Retry-After" not in make(alice, "y" * 2000)
        assert alice.client.put(path(first), {"template": "y" * 1000}).status_code == 200
        assert alice.client.delete(path(first)).status_code == 204
        assert alice.client.delete(f"{URL}/deleted").status_code == 204
        answer = make(alice, "z" * 1000)
        assert (answer.status_code, answer["Retry-After"]) == (403, "45")
        assert "If you have just made room, try again in 45 seconds." in answer.json()["detail"]
        with after(seconds=int(answer["Retry-After"]) + 1):
            assert make(alice, "z" * 1000).status_code == 201


@pytest.mark.parametrize(("value", "replaced"), [("longer than before", 1), ("two", 0)])
def test_what_an_import_replaces_or_does_not_is_counted(
    value: str, replaced: int, alice: Person
) -> None:
    made = make(alice, "one").json()["id"]
    make(alice, "two")
    there = json.dumps({"id": made, "template": value}).encode()
    sent = {"data": there, "content_type": "application/x-ndjson"}
    answer = alice.client.post(f"{URL}/import?mode=replace", **sent).json()
    assert answer["replaced"] == replaced
    assert used(alice) == counted(alice)


def test_an_import_stores_as_much_as_there_is_room_for(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=10):
        answer = imported(alice, *(f"{number}" for number in range(25)))
    assert (answer["created"], answer["invalid"]) == (10, 15)
    assert len(listed(alice)) == 10
    assert "10 of 10 documents" in answer["results"][-1]["detail"]
    assert used(alice) == counted(alice)


def test_what_another_program_stored_or_deleted_is_seen(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=3):
        make(alice, "one")
        rows = [{"profile": "alice", "template": f"theirs {n}"} for n in range(2)]
        Template._get_collection().insert_many(rows)
        assert used(alice).documents == 1
        with after(days=1, minutes=1):
            with pytest.raises(OverQuota):
                Template.create(alice.name, {"template": "two"})
            assert Usage.of("alice").amount == counted(alice)
        Template._get_collection().delete_many({"template": {"$regex": "theirs"}})
        with after(days=1, minutes=3):
            Template.create(alice.name, {"template": "two"})
            assert Usage.of("alice").amount == counted(alice)


def test_who_was_never_counted_is_counted_first(alice: Person) -> None:
    rows = [{"profile": "alice", "template": f"theirs {n}"} for n in range(3)]
    Template._get_collection().insert_many(rows)
    with override_settings(QUOTA_DOCUMENTS=3):
        assert make(alice, "one").status_code == 403
        (row, *_) = alice.client.get(f"{URL}?fields=id").json()["results"]
        assert alice.client.delete(f"{URL}/{row['id']}").status_code == 204
        assert make(alice, "one").status_code == 201


def test_a_count_that_a_crash_left_too_high_is_mended(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=2):
        make(alice, "one")
        Usage.reserve("alice", Amount(1, 5))  # and then it was killed
        assert make(alice, "two").status_code == 403
        with after(minutes=2):
            assert make(alice, "two").status_code == 201
            assert used(alice) == counted(alice)


def test_what_was_reserved_just_now_is_not_counted_away(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=2):
        make(alice, "one")
        with after(minutes=2):
            Usage.reserve("alice", Amount(1, 5))  # and is about to be stored
            with pytest.raises(OverQuota):
                Usage.reserve("alice", Amount(1, 5))
        # By another machine, whose clock is ahead as far as it may be.
        ahead = after(minutes=2, seconds=BATCH_SECONDS + CLOCK_SECONDS)
        with ahead, pytest.raises(OverQuota):
            Usage.reserve("alice", Amount(1, 5))


@pytest.mark.usefixtures("_still_clock")
def test_whoever_never_stops_writing_is_counted_anew(alice: Person) -> None:
    make(alice, "one")
    Usage.reserve("alice", Amount(7, 100_000))  # and then it was killed
    for seconds in range(-60, 120, 10):
        with after(days=1, seconds=seconds):
            change(alice, f"{seconds}")
    too_much = used(alice).bytes - counted(alice).bytes
    assert used(alice).documents == 1
    assert 0 <= too_much < 12 * size_of({"template": "-60"})


@pytest.mark.usefixtures("_still_clock")
def test_what_is_about_to_be_stored_counts_while_the_owner_writes_on(alice: Person) -> None:
    make(alice, "one")
    for seconds in (-10, 0, 40, 46):  # the first that is due only begins to add up
        with after(days=1, seconds=seconds):
            change(alice, f"{seconds}")
            if seconds == 40:
                Usage.reserve("alice", Amount(1, 5))  # and is about to be stored
    assert Usage.of("alice").counted_at > now() + timedelta(days=1)
    assert used(alice).documents == 2


@pytest.mark.wire
@pytest.mark.usefixtures("_still_clock")
def test_a_write_takes_one_round_trip_again_once_it_was_found_that_nothing_can_be_counted(
    alice: Person, commands: list[dict[str, Any]]
) -> None:
    make(alice, "one")
    spent = []
    for seconds in (-10, 0, 10):
        with after(days=1, seconds=seconds):
            commands.clear()
            change(alice, f"{seconds}")
            spent.append(sum("usage" in command.values() for command in commands))
    assert spent == [1, 4, 1]


@pytest.mark.wire
def test_a_count_that_takes_too_long_stops_no_write(
    alice: Person, commands: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(alice, "one")
    before = used(alice)
    monkeypatch.setattr(quota, "COUNT_SECONDS", 1e-6)
    with after(days=2):
        change(alice, "two")
        assert Usage.of("alice").amount == (1, 2 * before.bytes)
        commands.clear()
        change(alice, "six")
        assert sum("usage" in command.values() for command in commands) == 1


@pytest.mark.wire
@override_settings(QUOTA_DOCUMENTS=1)
def test_one_of_several_who_are_refused_counts(
    alice: Person, meanwhile: Callable[..., None], commands: list[dict[str, Any]]
) -> None:
    make(alice, "one")
    refused: list[Any] = []
    with after(minutes=2):
        commands.clear()
        meanwhile("before", "aggregate", "templates", lambda: refused.append(make(alice, "two")))
        refused.append(make(alice, "three"))
    assert [answer.status_code for answer in refused] == [403, 403]
    assert ["Retry-After" in answer for answer in refused] == [True, False]
    assert sum(command.get("aggregate") == "templates" for command in commands) == 1


@pytest.mark.wire
@override_settings(QUOTA_DOCUMENTS=3)
def test_what_is_deleted_as_it_is_counted_is_not_subtracted_from_the_new_count(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    first, *_ = [make(alice, value) for value in ("one", "two", "three")]
    with after(minutes=2):
        meanwhile("after", "findAndModify", "templates", lambda: make(alice, "four"))
        assert alice.client.delete(path(first)).status_code == 204
        assert used(alice).documents == counted(alice).documents == 3


def test_a_deletion_does_not_put_off_a_count(alice: Person) -> None:
    first = make(alice, "one")
    with override_settings(QUOTA_BYTES=used(alice).bytes + 1000):
        Usage.reserve("alice", Amount(0, 1000))  # and then it was killed
        with after(minutes=2):
            assert alice.client.delete(path(first)).status_code == 204
            assert make(alice, "two").status_code == 201
            assert used(alice) == counted(alice)


def test_no_failure_but_a_refusal_gives_back(alice: Person) -> None:
    with pytest.raises(NotUniqueError), Usage.reserved("alice", Amount(1, 5)):
        raise NotUniqueError
    assert used(alice) == (0, 0)
    with pytest.raises(OSError, match="lost"), Usage.reserved("alice", Amount(1, 5)):
        raise OSError("lost")
    assert used(alice) == (1, 5)


def test_off_counts_nothing(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=None, QUOTA_BYTES=None):
        make(alice, "one")
        assert Usage.objects.count() == 0
        quota = alice.client.get(ME).json()["quota"]
        assert (quota["max_documents"], quota["max_bytes"]) == (None, None)


def test_what_was_stored_with_quotas_off_counts_once_they_are_on(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=None, QUOTA_BYTES=None):
        make(alice, "one")
        assert used(alice).documents == 1
        make(alice, "two")
    with override_settings(QUOTA_DOCUMENTS=2), after(minutes=1):
        assert make(alice, "three").status_code == 403
    assert used(alice) == counted(alice)


def test_an_operator_gives_one_person_other_limits(alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    make(alice, "one")
    url = f"/api/v1/users/{alice.user.id}/quota"
    before = bob.client.get(url).json()
    assert before == alice.client.get(ME).json()["quota"]
    assert before["max_documents"] == 100_000
    after_ = bob.client.patch(url, {"max_documents": 1}).json()
    assert after_ == before | {"max_documents": 1}
    assert make(alice, "two").status_code == 403
    assert make(bob, "two").status_code == 201
    assert bob.client.patch(url, {"max_documents": 2}).status_code == 200
    assert make(alice, "two").status_code == 201
    assert bob.client.patch(url, {"max_documents": None}).json()["max_documents"] == 100_000
    assert make(alice, "three").status_code == 201
    entries = AuditEntry.objects(action="quota_changed").order_by("id")
    assert [entry.changes for entry in entries] == [
        {"max_documents": [100_000, 1]},
        {"max_documents": [1, 2]},
        {"max_documents": [2, 100_000]},
    ]
    for wrong in (
        {"max_documents": -1},
        {"max_bytes": "x"},
        {"documents_": 1},
        {"documents": 0},
        {"max_documents": 3, "bytes": 0},
        {"max_bytes": 2**53},
    ):
        assert bob.client.patch(url, wrong).status_code == 400
    assert alice.client.get(url).status_code == 403
    assert bob.client.delete(url).status_code == 405


def test_the_page_of_a_user_shows_and_changes_it(alice: Person) -> None:
    make(alice, "one")
    root = operators_browser()
    assert "documents: 1 of at most 100,000;" in text(root.get(page_of(alice.user)))
    form = {"post": "yes", "documents": "1", "bytes": ""}
    assert root.post(page_of(alice.user, "limit"), form).status_code == 302
    assert "documents: 1 of at most 1;" in text(root.get(page_of(alice.user)))
    assert make(alice, "two").status_code == 403


def test_it_goes_with_the_user(alice: Person) -> None:
    make(alice, "one")
    assert alice.client.delete(ME).status_code == 204
    assert Usage.objects.count() == 0

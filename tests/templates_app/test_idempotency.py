"""Idempotency-Key: what is sent twice happens once, and is answered twice."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import override_settings

from templates_app.documents import Template
from templatesvc.api import idempotency
from templatesvc.api.idempotency import USUAL_SIZE
from templatesvc.api.idempotent_requests import IdempotentRequest
from templatesvc.api.turns import ImportInProgress, one_at_a_time
from templatesvc.mongo.clock import now
from templatesvc.mongo.quota import Usage
from tests.accounts.callers import after, tokens_of
from tests.conftest import Person
from tests.templates_app.templates import URL, listed, path

pytestmark = pytest.mark.store

NDJSON = "application/x-ndjson"


def post(person: Person, value: Any, key: str, url: str = URL) -> Any:
    return person.client.post(url, {"template": value}, headers={"Idempotency-Key": key})


def die_in_between(over: bool) -> None:
    """Leave the key as a worker does that died before it could store its answer."""
    lease = now() + timedelta(seconds=-1 if over else 20)
    IdempotentRequest.objects.update(unset__status=1, unset__body=1, set__lease_until=lease)


def test_a_request_sent_twice_happens_once(alice: Person) -> None:
    first, again = post(alice, "once", "k1"), post(alice, "once", "k1")
    assert (again.status_code, again.content) == (201, first.content)
    own = {"Idempotency-Replayed", "X-Request-ID"}
    assert again["Idempotency-Replayed"] == "true"
    assert [item for item in again.headers.items() if item[0] not in own] == [
        item for item in first.headers.items() if item[0] not in own
    ]
    assert listed(alice) == ["once"]


def test_the_first_answer_is_replayed_whatever_became_of_the_template(alice: Person) -> None:
    first = post(alice, "once", "k1")
    alice.client.delete(path(first))
    assert post(alice, "once", "k1").content == first.content
    assert listed(alice) == []


def test_a_refusal_is_replayed_as_well(alice: Person) -> None:
    alice.client.post(URL, {"template": "there"})
    first = post(alice, "there", "k1")
    assert first.status_code == 409
    alice.client.post("/delete", {"template": "there"})
    again = post(alice, "there", "k1")
    assert (again.status_code, again.content) == (409, first.content)
    assert again["Content-Type"] == first["Content-Type"] == "application/problem+json"


def test_an_answer_that_is_too_large_to_be_kept_is_not_made_up(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT_SIZE", 100)
    first, again = post(alice, "once", "k1"), post(alice, "once", "k1")
    assert first.status_code == 201
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_not_kept")
    assert again["Idempotency-Replayed"] == "true"
    assert listed(alice) == ["once"]


def test_keys_are_each_persons_own(alice: Person, bob: Person) -> None:
    assert post(alice, "hers", "k1").status_code == 201
    assert post(bob, "his", "k1").json()["template"] == "his"


def test_a_key_with_another_request_is_refused(alice: Person) -> None:
    post(alice, "once", "k1")
    others = [
        post(alice, "other", "k1"),
        post(alice, "once", "k1", f"{URL}?x=1"),
        alice.client.post(
            f"{URL}/import", b"{}\n", content_type=NDJSON, headers={"Idempotency-Key": "k1"}
        ),
    ]
    for answer in others:
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert listed(alice) == ["once"]


@pytest.mark.parametrize(
    ("sent", "also", "status"),
    [
        ("application/json", "Application/JSON; charset=utf-8", 201),
        ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", 422),
    ],
)
def test_a_key_goes_with_a_media_type_whose_parameters_do_not_matter(
    sent: str, also: str, status: int, alice: Person
) -> None:
    bodies = {
        "application/json": '{"template": "once"}',
        "application/x-www-form-urlencoded": "template=once",
        "multipart/form-data": "--x\r\nContent-Disposition: form-data; name=template\r\n\r\n"
        "once\r\n--x--",
    }
    first, again = (
        alice.client.post(
            URL,
            bodies[kind.partition(";")[0].lower()],
            content_type=kind,
            headers={"Idempotency-Key": "k1"},
        )
        for kind in (sent, also)
    )
    assert (first.status_code, again.status_code) == (201, status)
    assert listed(alice) == ["once"]


@pytest.mark.parametrize(
    ("url", "kind", "body"),
    [
        (URL, "application/json", b'{"template": "once"}'),
        (f"{URL}/import", NDJSON, b'{"template": "once"}\n'),
    ],
)
def test_the_keys_of_earlier_versions_are_still_known(
    url: str, kind: str, body: bytes, alice: Person
) -> None:
    """These knew no media types; during an upgrade both versions answer."""
    alice.client.post(url, body, content_type=kind, headers={"Idempotency-Key": "k1"})
    stored = IdempotentRequest.objects.get()
    assert stored.fingerprint == sha256(f"POST {url}\0".encode() + body).hexdigest()


def test_a_path_is_the_same_with_a_final_slash_and_without(alice: Person) -> None:
    for start, query in (("k1", ""), ("k2", "?x=1")):
        first = post(alice, start, start, f"{URL}{query}")
        again = post(alice, start, start, f"{URL}/{query}")
        assert (again.status_code, again.content) == (201, first.content)
        assert again["Idempotency-Replayed"] == "true"
    assert post(alice, "k2", "k2", f"{URL}/").json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("key", ["8e03978e-40d5", "a b", "x" * 255, r"back\slash", 'quo"te'])
def test_a_key_is_the_same_with_quotation_marks_and_without(key: str, alice: Person) -> None:
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    assert post(alice, "once", f'"{quoted}"').status_code == 201
    assert post(alice, "once", key)["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb", '"', '"open', '"a"b"', '"a\\b"', '""'])
def test_a_key_that_is_none_is_refused(key: str, alice: Person) -> None:
    answer = post(alice, "once", key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert listed(alice) == []


def test_while_the_first_runs_the_second_is_told_when_to_come_again(alice: Person) -> None:
    post(alice, "once", "k1")
    die_in_between(over=False)
    answer = post(alice, "once", "k1")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert 1 <= int(answer["Retry-After"]) <= 20


def test_after_the_lease_the_work_is_finished_and_done_once(alice: Person) -> None:
    first = post(alice, "once", "k1")
    die_in_between(over=True)
    again = post(alice, "once", "k1")
    assert "Idempotency-Replayed" not in again
    assert (again.status_code, again.content) == (201, first.content)
    assert post(alice, "once", "k1")["Idempotency-Replayed"] == "true"
    assert listed(alice) == ["once"]


@pytest.mark.parametrize("changed", [False, True])
def test_what_was_deleted_before_the_key_came_again_stays_deleted(
    changed: bool, alice: Person
) -> None:
    first = post(alice, "once", "k1")
    die_in_between(over=True)
    if changed:
        alice.client.put(path(first), {"template": "twice"})
    alice.client.delete(path(first))
    again = post(alice, "once", "k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert [again[name] for name in ("ETag", "Location")] == [
        first[name] for name in ("ETag", "Location")
    ]
    assert listed(alice) == []
    assert len(alice.client.get(f"{URL}/deleted").json()["results"]) == 1
    stale = {"If-Match": first["ETag"]}
    assert alice.client.put(path(first), {"template": "x"}, headers=stale).status_code == 404
    assert post(alice, "once", "k1").content == first.content


def test_what_was_changed_before_the_key_came_again_is_left_as_it_is(alice: Person) -> None:
    first = post(alice, "once", "k1")
    die_in_between(over=True)
    alice.client.put(path(first), {"template": "twice"})
    assert post(alice, "once", "k1").content == first.content
    assert listed(alice) == ["twice"]


def test_a_worker_that_was_taken_for_dead_stores_nothing(alice: Person) -> None:
    post(alice, "once", "k1")
    die_in_between(over=True)
    slow = IdempotentRequest.objects.get()
    again = IdempotentRequest.objects.get()
    again.hold()
    with pytest.raises(Exception, match="still running"):
        slow.hold()
    slow.free()
    assert IdempotentRequest.objects.get().lease_until == again.lease_until


def test_a_key_is_forgotten_after_a_day(alice: Person) -> None:
    post(alice, "once", "k1")
    with after(hours=23):
        assert "Idempotency-Replayed" in post(alice, "once", "k1")
    with after(days=1, seconds=1):
        token = tokens_of("alice", alice.password)["access_token"]
        alice.client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        another = post(alice, "another", "k1")
    assert another.status_code == 201
    assert "Idempotency-Replayed" not in another


def test_a_body_that_cant_be_read_takes_no_key(alice: Person) -> None:
    headers = {"Idempotency-Key": "k1"}
    bad = alice.client.post(URL, "{", content_type="application/json", headers=headers)
    assert bad.status_code == 400
    assert post(alice, "once", "k1").status_code == 201


def test_an_import_sent_twice_happens_once(alice: Person) -> None:
    headers, lines = {"Idempotency-Key": "k1"}, b'{"template":"a"}\n{"template":"b"}\n'
    first, again = (
        alice.client.post(f"{URL}/import", lines, content_type=NDJSON, headers=headers)
        for _ in range(2)
    )
    assert first.json()["created"] == 2
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")
    die_in_between(over=True)
    third = alice.client.post(f"{URL}/import", lines, content_type=NDJSON, headers=headers)
    assert third.json() == first.json()
    assert sorted(listed(alice)) == ["a", "b"]


# --- What is kept counts in the quota -------------------------------------------------------------


def send_lines(person: Person, lines: bytes, key: str) -> Any:
    headers = {"Idempotency-Key": key}
    return person.client.post(f"{URL}/import", lines, content_type=NDJSON, headers=headers)


def kept(person: Person) -> int:
    """Return how many bytes a person keeps, as it is counted anew."""
    return Template.amount_of(person.name).bytes + IdempotentRequest.amount_of(person.name).bytes


@pytest.mark.wire
def test_a_creation_counts_with_its_answer_in_one_round_trip(
    alice: Person, commands: list[dict[str, Any]]
) -> None:
    post(alice, "first", "k0")
    for number, value in enumerate(["a", {"b": "x" * 20_000}], start=1):
        commands.clear()
        assert post(alice, value, f"k{number}").status_code == 201
        assert [c["update"] for c in commands if "update" in c] == ["usage", "idempotent_requests"]
    counted, stored = Usage.of("alice").amount.bytes, kept(alice)
    assert stored <= counted < stored + 4 * USUAL_SIZE


def test_every_other_answer_counts_as_well(alice: Person) -> None:
    assert post(alice, "", "k1").status_code == 400
    assert send_lines(alice, b"1\n", "k2").status_code == 200
    assert 0 < IdempotentRequest.amount_of("alice").bytes <= Usage.of("alice").amount.bytes


def test_no_number_of_refusals_fills_more_than_the_quota(alice: Person) -> None:
    with override_settings(QUOTA_BYTES=10_000):
        for number in range(30):
            answers = [post(alice, "", f"k{number}") for _ in range(2)]
            assert {answer.status_code for answer in answers} == {400}
        assert 0 < kept(alice) <= 10_000
        assert IdempotentRequest.objects.count() < 10


def test_a_long_answer_beyond_the_quota_is_not_kept(alice: Person) -> None:
    with override_settings(QUOTA_BYTES=10_000):
        first, again = (send_lines(alice, b"1\n" * 1000, "k1") for _ in range(2))
        assert (first.status_code, first.json()["invalid"]) == (200, 1000)
        assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_not_kept")
        for number in range(20):
            last = send_lines(alice, b"1\n" * 1000, f"k{number}")
        assert (last.status_code, last.json()["code"]) == (403, "quota_exceeded")
        assert 0 < kept(alice) <= 10_000


def test_whoever_made_room_may_use_the_key_again(alice: Person) -> None:
    with override_settings(QUOTA_DOCUMENTS=1):
        first = post(alice, "first", "k1")
        assert post(alice, "second", "k2").status_code == 403
        assert IdempotentRequest.objects.count() == 1
        alice.client.delete(path(first))
        assert post(alice, "second", "k2").status_code == 201


def test_a_key_of_which_somebody_did_some_work_is_never_forgotten(alice: Person) -> None:
    """The next who has it makes what they made, under the same ids."""
    first = post(alice, "once", "k1")
    die_in_between(over=True)
    with override_settings(QUOTA_DOCUMENTS=1):
        assert post(alice, "twice", "k2").status_code == 403  # "once" is there
        assert post(alice, "once", "k1").content == first.content
    assert post(alice, "once", "k1").content == first.content


def test_a_key_is_free_of_room_while_an_import_is_refused(alice: Person) -> None:
    with one_at_a_time(alice.name, timedelta(minutes=1), ImportInProgress(5)):
        assert send_lines(alice, b"1\n", "k1").status_code == 429
    assert IdempotentRequest.objects.count() == 0

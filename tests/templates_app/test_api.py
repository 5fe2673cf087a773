"""``/api/v1/templates``: reading and writing one's own, and nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from bson import ObjectId
from django.test import override_settings

from templates_app.documents import Template
from tests.conftest import Person

URL = "/api/v1/templates"
BOOK = {"author": "Orwell", "year": 1949, "tags": ["scifi", "Größe"], "at": {"city": "London"}}


def make(person: Person, value: Any = BOOK) -> Any:
    answer = person.client.post(URL, {"template": value})
    assert answer.status_code == 201, answer.content
    return answer


def item(answer: Any) -> str:
    return f"{URL}/{answer.json()['id']}"


def values(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.content
    return [result["template"] for result in answer.json()["results"]]


def test_a_template_is_created_read_replaced_and_deleted(alice: Person) -> None:
    created = make(alice)
    body = created.json()
    assert created["Location"] == body["url"] == f"http://testserver{item(created)}"
    assert body == {
        "id": body["id"],
        "template": BOOK,
        "version": 1,
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "url": body["url"],
    }
    read = alice.client.get(item(created))
    assert (read.json(), read["ETag"]) == (body, created["ETag"])
    replaced = alice.client.put(item(created), {"template": "now a text"})
    assert replaced.json()["version"] == 2
    assert replaced.json()["created_at"] == body["created_at"]
    assert replaced["ETag"] != created["ETag"]
    assert alice.client.delete(item(created)).status_code == 204
    assert alice.client.get(item(created)).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_somebody_elses_missing_and_malformed_ids_answer_alike(
    method: str, alice: Person, bob: Person
) -> None:
    theirs = make(alice).json()["id"]
    answers = [
        getattr(bob.client, method)(f"{URL}/{id}", {"template": "mine now"})
        for id in (theirs, str(ObjectId()), "nonsense", "%00", "$ne", "1" * 500)
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert Template.objects.get(id=ObjectId(theirs)).template == BOOK


def test_the_same_template_twice_is_a_conflict(alice: Person, bob: Person) -> None:
    make(alice)
    again = alice.client.post(URL, {"template": BOOK})
    assert (again.status_code, again.json()["code"]) == (409, "template_exists")
    make(bob)


def test_a_misspelt_field_is_named(alice: Person) -> None:
    answer = alice.client.post(URL, {"templat": "x", "template": "y"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "templat"
    assert values(alice.client.get(URL)) == []


def test_a_document_of_the_flask_service_works_everywhere(alice: Person) -> None:
    collection = Template._get_collection()
    id = collection.insert_one({"profile": "alice", "template": {"_cls": "User"}}).inserted_id
    read = alice.client.get(f"{URL}/{id}")
    assert read.json()["version"] == 1
    assert read.json()["created_at"] == read.json()["updated_at"]
    assert alice.client.put(f"{URL}/{id}", {"template": "x"}).json()["version"] == 2
    for odd in (5, None, [1, "a"], 1.5, False):
        collection.insert_one({"profile": "alice", "template": odd})
    assert len(values(alice.client.get(URL))) == 6
    for odd in (5, None, [1, "a"], 1.5, False):
        assert alice.client.post("/delete", {"template": odd}).status_code == 200


# --- Conditional requests ---------------------------------------------------------------------


def test_an_unchanged_template_is_not_sent_again(alice: Person) -> None:
    created = make(alice)
    for known in (created["ETag"], f'"x", {created["ETag"]}', f"W/{created['ETag']}", "*"):
        answer = alice.client.get(item(created), headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("header", ['"other"', 'W/"weak"', "nonsense", ""])
def test_a_write_on_another_state_is_refused(method: str, header: str, alice: Person) -> None:
    created = make(alice)
    answer = getattr(alice.client, method)(
        item(created), {"template": "x"}, headers={"If-Match": header}
    )
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert alice.client.get(item(created))["ETag"] == created["ETag"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_write_on_the_state_that_was_read_succeeds(method: str, alice: Person) -> None:
    created = make(alice)
    headers = {"If-Match": f'"x", {created["ETag"]}'}
    answer = getattr(alice.client, method)(item(created), {"template": "x"}, headers=headers)
    assert answer.status_code in (200, 204)


def test_a_change_by_the_flask_service_is_noticed(alice: Person) -> None:
    created = make(alice)
    Template._get_collection().update_one({"template": BOOK}, {"$set": {"template": "theirs"}})
    headers = {"If-Match": created["ETag"]}
    answer = alice.client.put(item(created), {"template": "mine"}, headers=headers)
    assert answer.status_code == 412
    assert values(alice.client.get(URL)) == ["theirs"]


def test_if_none_match_star_never_writes_over(alice: Person) -> None:
    created = make(alice)
    answer = alice.client.put(item(created), {"template": "x"}, headers={"If-None-Match": "*"})
    assert answer.status_code == 412


def test_a_condition_can_be_demanded(alice: Person) -> None:
    created = make(alice)
    with override_settings(REQUIRE_IF_MATCH=True):
        for method in ("put", "patch", "delete"):
            answer = getattr(alice.client, method)(item(created), {"template": "x"})
            assert (answer.status_code, answer.json()["code"]) == (428, "precondition_required")


# --- Merge patches ----------------------------------------------------------------------------


def merge(person: Person, url: str, patch: Any) -> Any:
    return person.client.patch(url, json.dumps(patch), content_type="application/merge-patch+json")


def test_a_merge_patch_changes_what_it_names(alice: Person) -> None:
    created = make(alice, {"a": "b", "c": {"d": "e", "f": "g"}})
    answer = merge(alice, item(created), {"template": {"a": "z", "c": {"f": None}}})
    # The example of RFC 7396, section 1.
    assert answer.json()["template"] == {"a": "z", "c": {"d": "e"}}
    assert answer.json()["version"] == 2


def test_a_patch_of_nothing_changes_nothing(alice: Person) -> None:
    created = make(alice, BOOK)
    answer = merge(alice, item(created), {})
    assert (answer.status_code, answer.json()) == (200, created.json())


def test_a_merge_patch_is_for_patch_alone(alice: Person) -> None:
    answer = alice.client.post(URL, "{}", content_type="application/merge-patch+json")
    assert answer.status_code == 415


# --- Lists ------------------------------------------------------------------------------------


def test_pages_lead_through_all_and_back(alice: Person, bob: Person) -> None:
    for number in range(7):
        make(alice, f"T{number}")
    make(bob, "not hers")
    pages, url = [], f"{URL}?limit=3"
    while url:
        answer = alice.client.get(url)
        pages.append(values(answer))
        previous, url = answer.json()["previous"], answer.json()["next"]
    assert pages == [["T6", "T5", "T4"], ["T3", "T2", "T1"], ["T0"]]
    assert f'<{previous}>; rel="previous"' in answer["Link"]
    assert values(alice.client.get(previous)) == pages[1]


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "updated_at", "-updated_at"])
def test_orderings_hold_over_pages(ordering: str, alice: Person) -> None:
    made = [make(alice, f"T{number}") for number in range(5)]
    alice.client.put(item(made[1]), {"template": "T1 again"})
    seen, url = [], f"{URL}?limit=2&ordering={ordering}"
    while url:
        answer = alice.client.get(url)
        seen += [result[ordering.lstrip("-")] for result in answer.json()["results"]]
        url = answer.json()["next"]
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=ordering.startswith("-"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=ORWELL", 1),
        ("search=grösse", 1),
        ("search=author", 0),
        ("search=.*", 0),
        ("template.author=Orwell", 1),
        ("template.year=1949", 2),
        ("template.tags=scifi", 1),
        ("template.at.city=London", 1),
        ("template.author=Orwell&template.year=1950", 0),
        ("kind=text", 1),
        ("kind=object", 2),
        ("created_after=2020-01-01T00:00:00Z", 3),
        ("created_before=2020-01-01T00:00:00Z", 0),
        ("kind=object&search=london&template.year=1949", 1),
    ],
)
def test_templates_are_found(query: str, found: int, alice: Person, bob: Person) -> None:
    make(alice)
    make(alice, {"year": "1949"})
    make(alice, "a text")
    make(bob)
    answer = alice.client.get(f"{URL}?{query}&count=true")
    assert len(values(answer)) == answer.json()["count"] == found


@pytest.mark.parametrize(
    "query",
    ["foo=1", "limit=0", "limit=101", "limit=x", "ordering=name", "kind=list", "cursor=x"]
    + ["created_after=soon", "template.$where=1", "template.=1", "search=a&search=b", "count=2"],
)
def test_a_wrong_parameter_is_named(query: str, alice: Person) -> None:
    answer = alice.client.get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_cursor_is_for_its_own_list(alice: Person, bob: Person) -> None:
    for number in range(3):
        make(alice, f"T{number}")
    following = alice.client.get(f"{URL}?limit=1").json()["next"]
    assert bob.client.get(following).status_code == 400
    assert alice.client.get(f"{following}&kind=text").status_code == 400
    assert alice.client.get(following.replace("cursor=", "cursor=x")).status_code == 400


# --- History ----------------------------------------------------------------------------------


def test_a_change_keeps_the_state_before(alice: Person, bob: Person) -> None:
    created = make(alice, "one")
    alice.client.put(item(created), {"template": "two"})
    alice.client.post("/update", {"old_template": "two", "new_template": "three"})
    listed = alice.client.get(f"{item(created)}/versions").json()["results"]
    assert [version["version"] for version in listed] == [2, 1]
    assert alice.client.get(listed[1]["url"]).json()["template"] == "one"
    restored = alice.client.post(f"{item(created)}/restore", {"version": 1})
    assert (restored.status_code, restored.json()["template"]) == (200, "one")
    assert restored.json()["version"] == 4
    for path in ("/versions", "/versions/1"):
        assert bob.client.get(f"{item(created)}{path}").status_code == 404
    assert bob.client.post(f"{item(created)}/restore", {"version": 1}).status_code == 404


def test_a_deleted_template_can_be_restored(alice: Person) -> None:
    created = make(alice, "one")
    alice.client.post("/delete", {"template": "one"})
    (deleted,) = alice.client.get(f"{URL}/deleted").json()["results"]
    assert deleted["id"] == created.json()["id"]
    restored = alice.client.post(f"{item(created)}/restore", {"version": deleted["version"]})
    assert (restored.status_code, restored.json()["version"]) == (201, 2)
    assert restored.json()["created_at"] == created.json()["created_at"]
    assert alice.client.get(f"{URL}/deleted").json()["results"] == []


def test_no_more_versions_are_kept_than_the_setting_says(alice: Person) -> None:
    created = make(alice, "0")
    with override_settings(HISTORY_VERSIONS=3):
        for number in range(1, 8):
            alice.client.put(item(created), {"template": f"{number}"})
    listed = alice.client.get(f"{item(created)}/versions").json()["results"]
    assert [version["version"] for version in listed] == [7, 6, 5]


# --- Idempotency, export and import -----------------------------------------------------------


def test_a_request_sent_twice_happens_once(alice: Person, bob: Person) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = alice.client.post(URL, {"template": "once"}, headers=headers)
    again = alice.client.post(URL, {"template": "once"}, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert again["ETag"] == first["ETag"]
    other = alice.client.post(URL, {"template": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert bob.client.post(URL, {"template": "once"}, headers=headers).status_code == 201
    assert values(alice.client.get(URL)) == ["once"]


def exported(person: Person) -> bytes:
    return b"".join(person.client.get(f"{URL}/export").streaming_content)


def imported(person: Person, lines: bytes, mode: str = "skip") -> Any:
    answer = person.client.post(
        f"{URL}/import?mode={mode}", lines, content_type="application/x-ndjson"
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_what_is_exported_comes_back_exactly(alice: Person, bob: Person) -> None:
    odd = {"int": 2**63 - 1, "float": 1.0, "one": 1, "text": "ü\u2028", "deep": [{"x": [None]}]}
    for value in (BOOK, odd, "a text"):
        make(alice, value)
    lines = exported(alice)
    assert imported(bob, lines)["created"] == 3
    strip = [json.loads(line) | {"id": ""} for line in lines.splitlines()]
    assert [json.loads(line) | {"id": ""} for line in exported(bob).splitlines()] == strip
    assert imported(bob, lines)["skipped"] == 3


def test_an_export_of_nothing_comes_back_as_well(alice: Person, bob: Person) -> None:
    assert imported(bob, exported(alice))["results"] == []


def test_an_import_tells_what_became_of_each_line(alice: Person) -> None:
    made = make(alice, "old").json()["id"]
    lines = b'{"template":"new"}\nnonsense\n{"template":5}\n{"template":"x","foo":1}\n'
    lines += json.dumps({"id": made, "template": "newer"}).encode()
    answer = imported(alice, lines, "replace")
    statuses = [result["status"] for result in answer["results"]]
    assert statuses == ["created", "invalid", "invalid", "invalid", "replaced"]
    assert set(values(alice.client.get(URL))) == {"new", "newer"}

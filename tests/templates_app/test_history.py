"""Old versions: kept at each change, read, gone back to, and brought back after a deletion."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from bson import Int64, ObjectId
from django.conf import settings
from django.test import override_settings
from mongoengine.errors import NotUniqueError

from templates_app.documents import Template
from templatesvc.mongo import store
from templatesvc.mongo.clock import now
from templatesvc.mongo.versions import MAX_VERSION
from tests.answers import there
from tests.conftest import Person, renew_unique_indexes
from tests.templates_app.templates import URL, listed, make, path

pytestmark = pytest.mark.store


def versions(person: Person, url: str) -> list[int]:
    return [v["version"] for v in person.client.get(f"{url}/versions").json()["results"]]


def deleted(person: Person, query: str = "") -> list[Any]:
    return person.client.get(f"{URL}/deleted{query}").json()["results"]


def restore(person: Person, url: str, version: Any, **headers: str) -> Any:
    return person.client.post(f"{url}/restore", {"version": version}, headers=headers)


def test_a_change_keeps_the_state_before(alice: Person) -> None:
    created = make(alice, "one")
    url = path(created)
    alice.client.put(url, {"template": "two"})
    alice.client.put(url, {"template": "three"})
    listed = alice.client.get(f"{url}/versions").json()["results"]
    assert [version["version"] for version in listed] == [2, 1]
    first = alice.client.get(listed[1]["url"]).json()
    assert first == {
        "id": created.json()["id"],
        "version": 1,
        "template": "one",
        "created_at": created.json()["created_at"],
        "updated_at": created.json()["updated_at"],
        "replaced_at": first["replaced_at"],
        "url": f"http://testserver{url}/versions/1",
    }
    restored = restore(alice, url, 1)
    assert (restored.status_code, restored.json()["template"]) == (200, "one")
    assert restored.json()["version"] == 4
    assert versions(alice, url) == [3, 2, 1]


def test_nobody_else_sees_or_restores_a_version(alice: Person, bob: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.put(url, {"template": "two"})
    for where in ("/versions", "/versions/1"):
        assert bob.client.get(f"{url}{where}").status_code == 404
    assert restore(bob, url, 1).status_code == 404
    alice.client.delete(url)
    assert restore(bob, url, 1).status_code == 404
    assert deleted(bob) == []


def test_who_imports_the_id_of_a_deleted_template_leaves_it_to_its_owner(
    alice: Person, bob: Person
) -> None:
    created = make(alice, "hers")
    alice.client.delete(path(created))
    before = deleted(alice)
    lines = json.dumps({"id": created.json()["id"], "template": "his", "version": 1})
    (line,) = import_lines(bob, lines).json()["results"]
    assert line["status"] == "created"
    assert line["id"] != created.json()["id"]
    assert bob.client.put(path(created), {"template": "changed"}).status_code == 404
    assert bob.client.put(f"{URL}/{line['id']}", {"template": "changed"}).status_code == 200
    assert import_lines(bob, lines, "?mode=replace").json()["replaced"] == 1
    assert deleted(alice) == before
    assert alice.client.get(f"{path(created)}/versions/1").json()["template"] == "hers"
    assert restore(alice, path(created), 1).json()["id"] == created.json()["id"]


def import_lines(person: Person, lines: str, query: str = "") -> Any:
    url = f"{URL}/import{query}"
    return person.client.post(url, lines, content_type="application/x-ndjson")


def test_a_slot_of_a_shorter_key_is_still_read(alice: Person) -> None:
    created = make(alice, "one")
    alice.client.delete(path(created))
    rows = Template.Version._get_collection()
    (slot,) = rows.find()
    rows.delete_one({"_id": slot["_id"]})
    rows.insert_one(slot | {"_id": f"{created.json()['id']}/1"})
    assert [entry["version"] for entry in deleted(alice)] == [1]
    assert restore(alice, path(created), 1).json()["version"] == 2
    assert versions(alice, path(created)) == [1]
    assert deleted(alice) == []


@pytest.mark.parametrize("where", ["/versions/1", "/versions/2", f"/versions/{MAX_VERSION}"])
def test_a_version_that_never_was_is_not_found(where: str, alice: Person) -> None:
    url = path(make(alice, "one"))
    assert alice.client.get(f"{url}{where}").status_code == 404
    assert versions(alice, url) == []
    assert alice.client.get(f"{URL}/{ObjectId()}/versions").status_code == 404


# What this service, or somebody else, may have stored; and what it counts as.
STORED = [
    *((number, number) for number in (1, 7, Int64(8), 10**15, 2**53, MAX_VERSION - 2)),
    *((2.0, 2), (2.5, 2), (1.5, 1), (0.5, 1), (float("nan"), 1), (float("inf"), 1)),
    *((other, 1) for other in (0, -5, 2**63 - 1, MAX_VERSION + 1, True, "x", None, {"a": 3})),
]


@pytest.mark.parametrize(("stored", "number"), STORED)
def test_whatever_version_is_stored_has_a_history(stored: Any, number: int, alice: Person) -> None:
    url = path(make(alice, "one"))
    Template._get_collection().update_one({}, {"$set": {"version": stored}})
    seen = alice.client.get(url)
    assert seen.json()["version"] == number
    changed = alice.client.put(url, {"template": "two"}, headers={"If-Match": seen["ETag"]})
    assert (changed.status_code, changed.json()["version"]) == (200, number + 1)
    assert alice.client.get(url).json() == changed.json()
    (entry,) = alice.client.get(f"{url}/versions").json()["results"]
    assert alice.client.get(entry["url"]).json()["template"] == "one"
    assert alice.client.delete(url, headers={"If-Match": changed["ETag"]}).status_code == 204
    assert [entry["version"] for entry in deleted(alice)] == [number + 1]
    assert restore(alice, url, number + 1).json()["version"] == number + 2


@pytest.mark.parametrize("version", [-5, 2**63 - 1, MAX_VERSION + 1, 1.5])
def test_whatever_version_is_in_the_history_can_be_listed(version: Any, alice: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.delete(url)
    Template.Version._get_collection().update_one({}, {"$set": {"version": version}})
    assert versions(alice, url) == [1]
    assert [entry["version"] for entry in deleted(alice)] == [1]


@pytest.mark.parametrize("version", [0, -1, "x", None, 1.5, MAX_VERSION + 1, {"$gt": 0}])
def test_a_restore_asks_for_a_number(version: Any, alice: Person) -> None:
    answer = restore(alice, path(make(alice, "one")), version)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "version"


@pytest.mark.parametrize("route", [URL, *there("/delete")])
def test_a_deleted_template_can_be_restored(route: str, alice: Person) -> None:
    created = make(alice, "one")
    if route == URL:
        alice.client.delete(path(created))
    else:
        alice.client.post(route, {"template": "one"})
    (entry,) = deleted(alice)
    assert entry["id"] == created.json()["id"]
    restored = restore(alice, path(created), entry["version"])
    assert (restored.status_code, restored.json()["version"]) == (201, 2)
    assert restored.json()["created_at"] == created.json()["created_at"]
    assert restored["ETag"] == alice.client.get(path(created))["ETag"]
    assert deleted(alice) == []


@pytest.mark.wire
def test_what_is_deleted_as_it_is_restored_stays_deleted(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    url = path(make(alice, "one"))
    alice.client.delete(url)
    meanwhile("after", "insert", "templates", partial(alice.client.delete, url))
    assert restore(alice, url, 1).status_code == 201
    assert listed(alice) == []
    assert [entry["version"] for entry in deleted(alice)] == [2]


def test_a_version_number_is_never_given_twice(alice: Person) -> None:
    url, seen = path(make(alice, "T1")), [1]
    for number in range(2, 5):
        seen.append(alice.client.put(url, {"template": f"T{number}"}).json()["version"])
        alice.client.delete(url)
        seen.append(restore(alice, url, seen[-1]).json()["version"])
    assert seen == sorted(set(seen))
    assert versions(alice, url) == sorted(seen[:-1], reverse=True)


def test_an_older_version_comes_back_as_the_newest(alice: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.put(url, {"template": "two"})
    alice.client.delete(url)
    forget_old_values()
    restored = restore(alice, url, 1)
    assert (restored.json()["template"], restored.json()["version"]) == ("one", 3)
    assert versions(alice, url) == [2, 1]


def forget_old_values() -> None:
    # One compatible server keeps a value in it that a change took away; see tests.conftest.
    if not store.is_in_memory(settings.MONGODB_URI):
        renew_unique_indexes()


def test_a_restore_meets_what_is_there(alice: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.delete(url)
    make(alice, "one")
    answer = restore(alice, url, 1)
    assert (answer.status_code, answer.json()["code"]) == (409, "template_exists")
    assert len(deleted(alice)) == 1


def test_two_who_restore_two_versions_get_one_template(alice: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.put(url, {"template": "two"})
    alice.client.delete(url)
    forget_old_values()
    first, second = Template.Version.of(alice.name).order_by("-version")
    first.restore()
    with pytest.raises(NotUniqueError):
        second.restore()
    assert listed(alice) == ["two"]


def test_a_restore_takes_a_condition(alice: Person) -> None:
    created = make(alice, "one")
    url = path(created)
    alice.client.put(url, {"template": "two"})
    assert restore(alice, url, 1, **{"If-Match": created["ETag"]}).status_code == 412
    alice.client.delete(url)
    assert restore(alice, url, 1, **{"If-Match": "*"}).status_code == 412
    assert restore(alice, url, 2).status_code == 201


def test_no_more_versions_are_kept_than_the_setting_says(alice: Person) -> None:
    url = path(make(alice, "0"))
    with override_settings(HISTORY_VERSIONS=3):
        for number in range(1, 8):
            alice.client.put(url, {"template": f"{number}"})
    assert versions(alice, url) == [7, 6, 5]


@pytest.mark.parametrize("many", [False, True])
@override_settings(HISTORY_VERSIONS=1)
def test_a_state_that_comes_late_does_not_take_the_place_of_a_deletion(
    many: bool, alice: Person
) -> None:
    url = path(make(alice, "one"))
    late = Template.objects.get()
    alice.client.put(url, {"template": "two"})
    alice.client.delete(url)
    if many:
        Template.Version.keep_all([late])
    else:
        late.keep_version()
    assert [entry["version"] for entry in deleted(alice)] == [2]
    assert restore(alice, url, 2).json()["template"] == "two"


@pytest.mark.wire
def test_a_deletion_can_be_undone_even_if_it_overtook_a_change(
    alice: Person, meanwhile: Callable[..., None]
) -> None:
    url = path(make(alice, "one"))
    with override_settings(HISTORY_VERSIONS=1):
        meanwhile("after", "findAndModify", "templates", partial(alice.client.delete, url))
        assert alice.client.put(url, {"template": "two"}).status_code == 200
    assert restore(alice, url, 2).status_code == 201


@pytest.mark.wire
@override_settings(HISTORY_VERSIONS=1)
def test_of_many_states_for_one_slot_the_latest_stays(alice: Person) -> None:
    make(alice, "one")
    for _ in range(20):
        Template.Version.objects.delete()
        states = [Template.objects.get() for _ in range(12)]
        for number, state in enumerate(states, start=1):
            state.version = number
        with ThreadPoolExecutor(len(states)) as pool:
            list(pool.map(Template.keep_version, states))
        assert [entry.version for entry in Template.Version.objects] == [len(states)]


def test_history_can_be_turned_off(alice: Person) -> None:
    url = path(make(alice, "one"))
    with override_settings(HISTORY_VERSIONS=0):
        assert alice.client.put(url, {"template": "two"}).json()["version"] == 2
        assert alice.client.delete(url).status_code == 204
    assert Template.Version.objects.count() == 0


def test_what_was_deleted_30_days_ago_is_gone(alice: Person) -> None:
    url = path(make(alice, "one"))
    alice.client.delete(url)
    assert Template.Version.deleted_of(alice.name).count() == 1
    with time_machine.travel(now() + timedelta(days=30, seconds=1)):
        # TTL indexes delete lazily: what is over does not count before they do.
        assert Template.Version.deleted_of(alice.name).count() == 0
        assert Template.Version.of(alice.name).count() == 0


def test_deleted_templates_come_in_pages(alice: Person, bob: Person) -> None:
    for number in range(5):
        alice.client.delete(path(make(alice, f"T{number}")))
    bob.client.delete(path(make(bob, "his")))
    ids = [entry["id"] for entry in deleted(alice)]
    seen, url = [], f"{URL}/deleted?limit=2&count=true"
    while url:
        answer = alice.client.get(url).json()
        assert answer["count"] == 5
        seen += [entry["id"] for entry in answer["results"]]
        url = answer["next"]
    assert seen == ids
    assert ids == [entry["id"] for entry in deleted(alice, "?ordering=deleted_at")][::-1]
    assert alice.client.get(f"{URL}/deleted?ordering=created_at").status_code == 400


def test_what_exists_keeps_its_history_when_the_deleted_is_forgotten(
    alice: Person, bob: Person
) -> None:
    """As if a worker had died before it noted that a template was restored."""
    url, gone = path(make(alice, "one")), path(make(alice, "gone"))
    alice.client.put(url, {"template": "two"})
    alice.client.delete(gone)
    bob.client.delete(path(make(bob, "his")))
    Template.Version.objects(version=1).update(set__deleted_at=now())
    assert len(deleted(alice)) == 2
    assert alice.client.delete(f"{URL}/deleted").status_code == 204
    assert deleted(alice) == []
    assert alice.client.get(f"{gone}/versions").status_code == 404
    assert versions(alice, url) == [1]
    assert len(deleted(bob)) == 1


def test_the_last_state_counts_even_if_the_history_was_lost(alice: Person) -> None:
    # As if the power had gone between the two writes.
    url = path(make(alice, "one"))
    alice.client.put(url, {"template": "two"})
    Template.Version.objects.delete()
    assert alice.client.get(url).json()["version"] == 2
    assert alice.client.put(url, {"template": "three"}).json()["version"] == 3
    assert listed(alice) == ["three"]
    assert Template.objects.count() == 1

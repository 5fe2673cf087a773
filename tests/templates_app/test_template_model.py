"""Random lives of the templates of two people, beside a model that says what each must see.

A step is a request of one of them, or what the Flask service does to the same collection. After it
both read all that is theirs: it has to be what the model says, and nothing of the other's.
"""

from __future__ import annotations

import copy
import json
from typing import Any, NamedTuple

import pytest
from bson import ObjectId
from django.conf import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from pymongo.errors import DuplicateKeyError

from templates_app.documents import Template
from templatesvc.mongo import store
from tests.conftest import empty_store, log_in, renew_unique_indexes
from tests.lives import live
from tests.templates_app.templates import URL, flask_insert, flask_update

PEOPLE = ("alice", "bob")
MERGE_PATCH = "application/merge-patch+json"
# In whatever order they are used, the keys of an object come in that of the alphabet: MongoDB
# takes the same keys in another order for another value, mongomock does not.
VALUES = st.sampled_from(
    ["a", "b", "ü\n", {"n": 1}, {"n": 2**53 + 1}, {"n": {"p": "q", "r": ["s"]}}, {}]
)
PATCHES = st.sampled_from(
    [
        *("a", {}, {"n": 3}, {"n": None}, {"n": {"r": None}}, {"n": {"p": "t"}}),
        {"n": {"p": "t", "u": {"v": None}}},
    ]
)
CONDITIONS = st.sampled_from([None, "current", "stale", "*"])


class State(NamedTuple):
    """What the model knows of a template."""

    value: Any
    version: int


def merged(target: Any, patch: Any) -> Any:
    """Return what the pseudocode of RFC 7396, section 2 does."""
    if not isinstance(patch, dict):
        return patch
    target = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merged(target.get(name), value)
    return target


class Shelf:
    """The model: what one person has, had, and deleted, by the ids of the templates."""

    def __init__(self) -> None:
        self.live: dict[str, State] = {}
        self.old: dict[str, dict[int, Any]] = {}
        self.deleted: set[str] = set()

    def has(self, value: Any, but: str = "") -> bool:
        return any(s.value == value for id, s in self.live.items() if id != but)

    def id_of(self, value: Any) -> str:
        return next((id for id, state in self.live.items() if state.value == value), "")

    def keep(self, id: str) -> State:
        before = self.live[id]
        self.old.setdefault(id, {})[before.version] = before.value
        return before

    def write(self, id: str, value: Any) -> None:
        self.live[id] = State(value, self.keep(id).version + 1)

    def delete(self, id: str) -> None:
        self.keep(id)
        del self.live[id]
        self.deleted.add(id)

    def bring_back(self, id: str, value: Any, version: int = 1) -> None:
        self.live[id] = State(value, max(version, max(self.old.get(id, {0: None})) + 1))
        self.deleted.discard(id)


class Templates(RuleBasedStateMachine):
    """People change templates; the model is in ``shelves``."""

    names = st.sampled_from(PEOPLE)
    ids = Bundle("ids")  # of both: each tries the other's as well

    def __init__(self) -> None:
        super().__init__()
        self.people = {name: log_in(name, "a-password-1") for name in PEOPLE}
        self.clients = {name: person.client for name, person in self.people.items()}
        self.shelves = {name: Shelf() for name in PEOPLE}
        self.stale: dict[str, str] = {}  # an ETag that each template had
        # The id that somebody's import exchanges another's for: always the same.
        self.exchanged: dict[tuple[str, str], str] = {}
        self.keys = 0

    def teardown(self) -> None:
        empty_store()

    # --- Creating ----------------------------------------------------------------------------

    @initialize(target=ids)
    def each_has_one(self) -> Any:
        return multiple(*(self.create(name, "first") for name in PEOPLE))

    @rule(target=ids, name=names, value=VALUES)
    def create(self, name: str, value: Any) -> Any:
        return self.created(name, value, self.clients[name].post(URL, {"template": value}))

    @rule(target=ids, name=names, value=VALUES)
    def create_twice_with_one_key(self, name: str, value: Any) -> Any:
        self.keys += 1
        headers = {"Idempotency-Key": f'"{self.keys}"'}
        first, again = (
            self.clients[name].post(URL, {"template": value}, headers=headers) for _ in range(2)
        )
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again["Idempotency-Replayed"] == "true"
        return self.created(name, value, first)

    def created(self, name: str, value: Any, answer: Any) -> Any:
        if self.shelves[name].has(value):
            assert answer.status_code == 409
            return multiple()
        assert answer.status_code == 201, answer.content
        self.shelves[name].live[answer.json()["id"]] = State(value, 1)
        return answer.json()["id"]

    @rule(target=ids, name=names)
    def import_what_the_other_exports(self, name: str) -> Any:
        (other,) = {*PEOPLE} - {name}
        lines = self.clients[other].get(f"{URL}/export").getvalue()
        answer = self.clients[name].post(
            f"{URL}/import", lines, content_type="application/x-ndjson"
        )
        assert answer.status_code == 200, answer.content
        new = []
        for line, result in zip(lines.splitlines(), answer.json()["results"], strict=True):
            entry, shelf = json.loads(line), self.shelves[name]
            known = self.exchanged.get((name, entry["id"]), "")
            is_there = known in shelf.live or shelf.has(entry["template"])
            assert result["status"] == ("skipped" if is_there else "created")
            if result["status"] == "created":
                assert known in ("", result["id"])
                self.exchanged[name, entry["id"]] = result["id"]
                shelf.bring_back(result["id"], entry["template"], entry["version"])
                new.append(result["id"])
        return multiple(*new)

    # --- Changing ----------------------------------------------------------------------------

    @rule(
        name=names, id=ids, value=VALUES, when=CONDITIONS, method=st.sampled_from(["put", "patch"])
    )
    def replace(self, name: str, id: str, value: Any, when: str | None, method: str) -> None:
        self.change(name, id, value, when, method, value, "application/json")

    @rule(name=names, id=ids, patch=PATCHES, when=CONDITIONS)
    def merge(self, name: str, id: str, patch: Any, when: str | None) -> None:
        before = self.shelves[name].live.get(id, State({}, 0))
        self.change(name, id, merged(before.value, patch), when, "patch", patch, MERGE_PATCH)

    def change(
        self, name: str, id: str, value: Any, when: str | None, method: str, body: Any, type: str
    ) -> None:
        expected, headers = self.expected(name, id, when), self.condition(name, id, when)
        if expected == 200 and self.shelves[name].has(value, but=id):
            expected = 409
        answer = getattr(self.clients[name], method)(
            f"{URL}/{id}", json.dumps({"template": body}), content_type=type, headers=headers
        )
        assert answer.status_code == expected, answer.content
        if expected == 200:
            self.shelves[name].write(id, value)
            shown = answer.json()
            assert State(shown["template"], shown["version"]) == self.shelves[name].live[id]

    @rule(name=names, id=ids, when=CONDITIONS)
    def delete(self, name: str, id: str, when: str | None) -> None:
        expected, headers = self.expected(name, id, when), self.condition(name, id, when)
        answer = self.clients[name].delete(f"{URL}/{id}", headers=headers)
        assert answer.status_code == (204 if expected == 200 else expected), answer.content
        if expected == 200:
            self.shelves[name].delete(id)

    def expected(self, name: str, id: str, when: str | None) -> int:
        """Return the status of a write, but for a conflict of values."""
        if id not in self.shelves[name].live:
            return 404
        return 412 if when == "stale" else 200

    def condition(self, name: str, id: str, when: str | None) -> dict[str, str]:
        """Return the header for a condition, and note the ETag that the write makes stale."""
        stale = self.stale.get(id, '"never"')
        tag = self.clients[name].get(f"{URL}/{id}").headers.get("ETag", '"none"')
        if when in (None, "current", "*") and id in self.shelves[name].live:
            self.stale[id] = tag
        header = {"stale": stale, "current": f'"other", {tag}', "*": "*"}
        # A stale tag may be that of what stands, because the write it was noted for was refused.
        return {"If-Match": '"never"' if header[when] == tag else header[when]} if when else {}

    @rule(name=names, id=ids, number=st.integers(1, 4))
    def restore(self, name: str, id: str, number: int) -> None:
        shelf = self.shelves[name]
        versions = shelf.old.get(id, {})
        answer = self.clients[name].post(f"{URL}/{id}/restore", {"version": number})
        if number not in versions:
            assert answer.status_code == 404
        elif shelf.has(versions[number], but=id):
            assert answer.status_code == 409
        elif id in shelf.live:
            assert answer.status_code == 200
            shelf.write(id, versions[number])
        else:
            assert answer.status_code == 201
            shelf.bring_back(id, versions[number])

    # --- The Flask service's routes, and its own writes to the collection ------------------------

    @rule(name=names, old=VALUES, new=VALUES)
    def update_by_the_flask_route(self, name: str, old: Any, new: Any) -> None:
        shelf = self.shelves[name]
        id = shelf.id_of(old)
        body = {"old_template": old, "new_template": new}
        status = self.clients[name].post("/update", body).status_code
        assert status == (404 if not id else 409 if shelf.has(new, but=id) else 200)
        if status == 200:
            shelf.write(id, new)

    @rule(name=names, value=VALUES)
    def delete_by_the_flask_route(self, name: str, value: Any) -> None:
        id = self.shelves[name].id_of(value)
        status = self.clients[name].post("/delete", {"template": value}).status_code
        assert status == (200 if id else 404)
        if id:
            self.shelves[name].delete(id)

    @rule(target=ids, name=names, value=VALUES)
    def create_by_the_flask_service(self, name: str, value: Any) -> Any:
        shelf = self.shelves[name]
        try:
            id = str(flask_insert(self.people[name], value))
        except DuplicateKeyError:
            assert shelf.has(value)
            return multiple()
        assert not shelf.has(value)
        shelf.live[id] = State(value, 1)
        return id

    @rule(name=names, old=VALUES, new=VALUES)
    def update_by_the_flask_service(self, name: str, old: Any, new: Any) -> None:
        """Which leaves neither a new version nor the state before."""
        shelf = self.shelves[name]
        id = shelf.id_of(old)
        if id and old != new and not shelf.has(new):
            self.stale[id] = self.clients[name].get(f"{URL}/{id}")["ETag"]
            assert flask_update(self.people[name], old, new) == 1
            shelf.live[id] = State(new, shelf.live[id].version)

    @rule(name=names, id=ids)
    def delete_by_the_flask_service(self, name: str, id: str) -> None:
        gone = Template._get_collection().delete_one({"_id": ObjectId(id), "profile": name})
        assert gone.deleted_count == (id in self.shelves[name].live)
        self.shelves[name].live.pop(id, None)

    # --- What must be true after each step ------------------------------------------------------

    @invariant()
    def each_sees_exactly_their_own(self) -> None:
        for name, shelf in self.shelves.items():
            listed = self.clients[name].get(f"{URL}?limit=100&count=true").json()
            assert listed["count"] == len(listed["results"]) == len(shelf.live)
            assert {
                shown["id"]: State(shown["template"], shown["version"])
                for shown in listed["results"]
            } == shelf.live
            docs = self.clients[name].get("/get").json()["docs"]
            assert docs == [
                {"profile": name, "template": shelf.live[id].value} for id in sorted(shelf.live)
            ]

    @invariant()
    def each_can_bring_back_exactly_what_they_deleted(self) -> None:
        for name, shelf in self.shelves.items():
            deleted = self.clients[name].get(f"{URL}/deleted?limit=100").json()["results"]
            assert {shown["id"]: shown["version"] for shown in deleted} == {
                id: max(shelf.old[id]) for id in shelf.deleted
            }
            assert len(deleted) == len(shelf.deleted)

    @rule(name=names, id=ids)
    def look_at_the_history(self, name: str, id: str) -> None:
        shelf, url = self.shelves[name], f"{URL}/{id}/versions"
        answer = self.clients[name].get(url)
        versions = shelf.old.get(id, {})
        if not versions and id not in shelf.live:
            assert answer.status_code == 404
            return
        shown = [version["version"] for version in answer.json()["results"]]
        assert shown == sorted(versions, reverse=True)
        for number, value in versions.items():
            assert self.clients[name].get(f"{url}/{number}").json()["template"] == value

    @invariant()
    def the_unique_index_has_what_there_is(self) -> None:
        # One compatible server keeps a value in it that a change took away; see tests.conftest.
        if not store.is_in_memory(settings.MONGODB_URI):
            renew_unique_indexes()


@pytest.mark.search
def test_each_sees_what_the_model_says_at_every_step() -> None:
    # Over the wire, where each request takes longer, a few: nothing here is about parallel ones.
    live(Templates, examples=12 if store.is_in_memory(settings.MONGODB_URI) else 4, steps=25)


@pytest.mark.long
@pytest.mark.search
def test_each_sees_what_the_model_says_for_long() -> None:
    live(Templates, examples=100, steps=50)

"""Which operations go to one shard: those of ordinary requests name the shard key as an equality.

A listener sees what the store is asked while people use the whole API. docs/scaling.md lists what
goes to all shards, and why; a test holds the list to what is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.documents import Session, User
from accounts.operators import Role
from templates_app.documents import Template
from templatesvc.mongo import indexes
from templatesvc.mongo.sharding import shard_keys
from tests.conftest import Person, log_in, queries
from tests.docs.markdown import bare, section, table

pytestmark = pytest.mark.wire
DOCUMENT = "docs/scaling.md"
PASSWORD = "wonderland-1"
Commands = list[dict[str, Any]]
TESTS_OWN = {f"{name}{kind}" for name in ("film", "specimen") for kind in ("s", "_versions")}
NDJSON = "application/x-ndjson"
BODIES = {
    "templates": b'{"template": "%s"}',
    "films": b'{"title": "%s", "director": "Lang", "year": 1931}',
}
KEYS = {key.collection: key.field for key in shard_keys()}


def names(query: Mapping[str, Any], field: str) -> bool:
    """Tell whether a query names a field as an equality, so that few shards are asked."""
    if any(names(part, field) for part in query.get("$and", [])):
        return True
    if field not in query:
        return False
    value = query[field]
    operators = {key for key in value if key[:1] == "$"} if isinstance(value, dict) else set()
    return not operators or bool(operators & {"$eq", "$in"})


def to_all_shards(commands: Commands) -> set[tuple[str, str]]:
    """Return the commands, with their collections, that don't name the shard key."""
    return {
        (name, command[name])
        for command in commands
        for name in [next(iter(command))]
        if (field := KEYS.get(command[name]))
        and not all(names(query, field) for query in queries(command))
    }


def ask(
    person: Person,
    method: str,
    path: str,
    body: bytes = b"",
    kind: str = "application/json",
    **headers: str,
) -> Any:
    answer = person.client.generic(method, path, body, kind, headers=headers)
    assert answer.status_code < 400, answer.content
    if answer.streaming:
        b"".join(answer)
    return answer


def flask_routes(person: Person) -> Iterator[tuple[str, Any]]:
    """Yield the Flask service's routes, and how each is used."""
    value = b'{"template": "%s"}'
    yield "POST /create", lambda: ask(person, "POST", "/create", value % b"a")
    yield "GET /get", lambda: ask(person, "GET", "/get")
    change = b'{"old_template": "a", "new_template": "b"}'
    yield "POST /update", lambda: ask(person, "POST", "/update", change)
    yield "POST /delete", lambda: ask(person, "POST", "/delete", value % b"b")


def resource_routes(person: Person, resource: str, body: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the routes that any resource has; the body has a ``%s`` for what differs."""
    url, made, line = f"/api/v1/{resource}", [], body % b"z"
    once = {"Idempotency-Key": '"once"'}

    def create() -> None:
        made.append(ask(person, "POST", url, body % b"c", **once)["Location"])

    yield "POST", create
    yield "POST again", create
    for query in ("", "?search=c", "?ordering=created_at", "?ordering=-created_at", "?limit=1"):
        yield f"GET {query}", lambda query=query: ask(person, "GET", f"{url}{query}")
    yield "GET {id}", lambda: ask(person, "GET", made[0])
    yield "PUT {id}", lambda: ask(person, "PUT", made[0], body % b"d")
    yield "PATCH {id}", lambda: ask(person, "PATCH", made[0], body % b"e")
    yield "GET versions", lambda: ask(person, "GET", f"{made[0]}/versions")
    yield "GET versions/{number}", lambda: ask(person, "GET", f"{made[0]}/versions/1")
    yield "POST restore", lambda: ask(person, "POST", f"{made[0]}/restore", b'{"version": 1}')
    yield "DELETE {id}", lambda: ask(person, "DELETE", made[0])
    yield "GET deleted", lambda: ask(person, "GET", f"{url}/deleted")
    yield "DELETE deleted", lambda: ask(person, "DELETE", f"{url}/deleted")
    yield "POST import", lambda: ask(person, "POST", f"{url}/import", line, NDJSON)
    yield "GET export", lambda: ask(person, "GET", f"{url}/export")


@pytest.mark.store
@pytest.mark.parametrize("resource", BODIES)
def test_every_operation_on_what_people_keep_goes_to_one_shard(
    resource: str, alice: Person, commands: Commands
) -> None:
    routes = [*resource_routes(alice, resource, BODIES[resource]), *flask_routes(alice)]
    for route, act in routes:
        commands.clear()
        act()
        assert (route, to_all_shards(commands)) == (route, set())


@pytest.mark.store
def test_a_catalogue_is_on_one_shard_and_asks_no_other_of_all(
    alice: Person, commands: Commands
) -> None:
    assert {"genres", "genre_versions"} & KEYS.keys() == set()
    alice.user.appoint(Role.STAFF)
    for route, act in resource_routes(alice, "genres", b'{"label": "%s"}'):
        if route not in ("POST import", "GET export"):  # a catalogue has none
            commands.clear()
            act()
            assert (route, to_all_shards(commands)) == (route, set())


def account(person: Person) -> dict[str, Any]:
    """Return how each route of an account is used; the last one ends it."""
    client, browser = APIClient(), Client()
    login = {"username": person.name, "password": person.password}
    change = f'{{"current_password": "{person.password}", "new_password": "through-the-glass"}}'
    refresh = {"refresh_token": person.tokens["refresh_token"]}
    token = {"token": person.tokens["access_token"]}
    return {
        "POST /api/v1/users": lambda: client.post("/api/v1/users", login | {"username": "carol"}),
        "POST /api/v1/login": lambda: client.post("/api/v1/login", login),
        "POST /api/v1/token/refresh": lambda: client.post("/api/v1/token/refresh", refresh),
        "POST /api/v1/token/verify": lambda: client.post("/api/v1/token/verify", token),
        "GET /api/v1/users/me": lambda: ask(person, "GET", "/api/v1/users/me"),
        "GET /api/v1/sessions": lambda: ask(person, "GET", "/api/v1/sessions"),
        "DELETE /api/v1/sessions/{id}": lambda: ask(
            person, "DELETE", f"/api/v1/sessions/{Session.start(person.user).id}"
        ),
        "POST /api-auth/login": lambda: browser.post("/api-auth/login", login),
        "POST /api-auth/logout": lambda: browser.post("/api-auth/logout"),
        "POST /api/v1/users/me/password": lambda: ask(
            person, "POST", "/api/v1/users/me/password", change.encode()
        ),
    }


@pytest.mark.store
def test_what_goes_to_all_shards_is_documented(
    alice: Person, bob: Person, commands: Commands
) -> None:
    seen = set()
    eve, dan = log_in("eve", PASSWORD), log_in("dan", PASSWORD)
    ends = {
        "POST /api/v1/logout": lambda: ask(bob, "POST", "/api/v1/logout"),
        "POST /api/v1/logout/all": lambda: ask(eve, "POST", "/api/v1/logout/all"),
        "DELETE /api/v1/users/me": lambda: ask(dan, "DELETE", "/api/v1/users/me"),
    }
    for route, act in (account(alice) | ends).items():
        commands.clear()
        answer = act()
        assert answer.status_code < 400, answer.content
        seen |= {(route, *operation) for operation in to_all_shards(commands)}
    text = section(DOCUMENT, "Shards")
    listed = table(text[text.index("| route |") :])
    assert sorted(seen) == sorted(tuple(map(bare, row[:3])) for row in listed)


def test_the_document_lists_the_shard_keys() -> None:
    text = section(DOCUMENT, "Shards")
    rows = table(text[text.index("| collection |") : text.index("| route |")])
    listed = {bare(name): bare(key) for name, key, _ in rows}
    served = {key.collection: key.pattern for key in shard_keys()}
    assert listed == {name: key for name, key in served.items() if name not in TESTS_OWN}


def test_a_unique_index_begins_with_the_shard_key() -> None:
    for index in indexes.declared():
        if index.options.get("unique") and (name := index.document._get_collection_name()) in KEYS:
            assert index.keys[0][0] == KEYS[name]


def test_the_plan_for_mongosh(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("shardplan")
    lines = capsys.readouterr().out.splitlines()
    database = lines[0].removeprefix("use ")
    assert f'sh.shardCollection("{database}.users", {{"username": 1}}, true)' in lines
    assert f'sh.shardCollection("{database}.templates", {{"profile": 1}})' in lines
    sessions = lines.index('db.getCollection("sessions").createIndex({"_id": "hashed"})')
    assert lines[sessions + 1] == f'sh.shardCollection("{database}.sessions", {{"_id": "hashed"}})'


def test_a_document_is_asked_for_by_its_shard_key_as_far_as_there_is_one() -> None:
    assert User(id=1, username="alice").identity_query == {"_id": 1, "username": "alice"}
    stored_by_another = User._from_son({"_id": {"$ne": 1}, "username": ["alice"]})
    assert stored_by_another.identity_query == {"_id": {"$eq": {"$ne": 1}}}
    assert Session(id="a").identity_query == {"_id": "a"}
    owned = Template(id=2, owner="alice", template="a")
    assert owned.identity_query == {"_id": 2, "profile": "alice"}

"""What a request costs: two round trips to the store, each on an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from templates_app.documents import Template
from templatesvc import store
from tests.conftest import Person

pytestmark = pytest.mark.wire
URL = "/api/v1/templates"


Commands = list[dict[str, Any]]


def create(alice: Person, value: Any = "First") -> str:
    return f"{URL}/{Template.create(alice.user, value).id}"


REQUESTS: dict[str, Callable[[Person], Any]] = {
    "POST /create": lambda alice: alice.client.post("/create", {"template": "new"}),
    "GET /get": lambda alice: alice.client.get("/get"),
    "GET templates": lambda alice: alice.client.get(URL),
    "POST templates": lambda alice: alice.client.post(URL, {"template": "new"}),
    "GET template": lambda alice: alice.client.get(create(alice)),
    "PUT template, no history": lambda alice: alice.client.put(create(alice), {"template": "x"}),
    "PATCH template, no history": lambda alice: alice.client.patch(
        create(alice), {"template": "x"}
    ),
    "DELETE template, no history": lambda alice: alice.client.delete(create(alice)),
    "POST /update, no history": lambda alice: (
        create(alice)
        and alice.client.post("/update", {"old_template": "First", "new_template": "x"})
    ),
    "POST /delete, no history": lambda alice: (
        create(alice) and alice.client.post("/delete", {"template": "First"})
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_makes_two_round_trips(name: str, alice: Person, commands: Commands) -> None:
    with override_settings(HISTORY_VERSIONS=0):
        answer = REQUESTS[name](alice)
    assert answer.status_code < 300, answer.content
    sent = [next(iter(command)) for command in commands]
    prepared = "insert" if "template," in name or name == "GET template" else ""
    if prepared or name.startswith(("POST /update", "POST /delete")):
        sent.remove("insert")  # the template that the test made
    assert len(sent) == 2, sent
    assert sent[0] == "aggregate"


@pytest.mark.parametrize("method", ["put", "delete"])
def test_history_costs_one_more(method: str, alice: Person, commands: Commands) -> None:
    url = create(alice)
    commands.clear()
    assert getattr(alice.client, method)(url, {"template": "x"}).status_code < 300
    assert [next(iter(command)) for command in commands] == ["aggregate", "findAndModify", "update"]


def test_a_refused_token_makes_one(commands: Commands, client: APIClient, alice: Person) -> None:
    alice.user.end_sessions()
    commands.clear()
    assert alice.client.get(URL).status_code == 401
    assert len(commands) == 1


def stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"]
        for inner in plan.values():
            yield from stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)


@pytest.mark.parametrize("path", ["/get", URL, f"{URL}?ordering=created_at"])
def test_a_list_reads_an_index_and_sorts_nothing(
    path: str, alice: Person, commands: Commands
) -> None:
    Template._get_collection().insert_many(
        [{"profile": ("alice", "bob")[n % 2], "template": f"{n}"} for n in range(2000)]
    )
    commands.clear()
    assert alice.client.get(path).status_code == 200
    (find,) = [command for command in commands if "find" in command]
    asked = {name: find[name] for name in ("find", "filter", "sort", "limit") if name in find}
    found = explained(asked)
    assert "IXSCAN" in found
    assert "COLLSCAN" not in found
    # The embedded server sorts even what it reads in order, so that there is nothing to be seen.
    if "SORT" not in explained({"find": find["find"], "filter": {}, "sort": {"_id": 1}}):
        assert "SORT" not in found


def explained(find: dict[str, Any]) -> set[str]:
    plan = store.database().command("explain", find, verbosity="queryPlanner")
    return set(stages(plan["queryPlanner"]["winningPlan"]))

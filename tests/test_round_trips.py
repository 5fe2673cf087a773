"""What is asked of the store is asked of an index; ``test_budgets.py`` counts how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from templates_app.documents import Template
from templatesvc.mongo import store
from tests.answers import there
from tests.conftest import Person

pytestmark = pytest.mark.wire
URL = "/api/v1/templates"


Commands = list[dict[str, Any]]


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


@pytest.mark.parametrize("path", [*there("/get"), URL, f"{URL}?ordering=created_at"])
def test_a_list_reads_an_index_and_sorts_nothing(
    path: str, alice: Person, commands: Commands
) -> None:
    Template._get_collection().insert_many(
        [{"profile": ("alice", "bob")[n % 2], "template": f"{n}"} for n in range(200)]
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

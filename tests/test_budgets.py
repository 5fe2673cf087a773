"""What a request may cost, in what can be counted: no clock is read, so none can be wrong.

A change that goes over a budget either can be had for less, or raises the number here, where it is
seen. ``docs/performance.md`` says what the numbers come to in time.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from templates_app.documents import Template
from tests.calls import calls_of
from tests.conftest import Person
from tests.wsgi import environ

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("real_hashers")]
URL = "/api/v1/templates"
APPLICATION = WSGIHandler()


class Budget(NamedTuple):
    """The most that a request may cost, when the process has answered one like it before."""

    round_trips: int  # commands to the store
    calls: int  # of Python functions, PyMongo's and Django's included
    kilobytes: int  # allocated at one time


# Calls are about a tenth above what was counted: PyMongo reads an answer in as many pieces as it
# comes in. Memory is half above it, because what measures coverage allocates as well.
BUDGETS = {
    "GET /": Budget(0, 490, 20),
    "GET /get": Budget(2, 1850, 51),
    "POST /create": Budget(3, 2080, 46),
    "POST /update": Budget(4, 2500, 50),
    "POST /delete": Budget(4, 2400, 46),
    "POST /api/v1/login": Budget(6, 3680, 54),
    "GET /api/v1/users/me": Budget(2, 2150, 55),
    "GET /api/v1/templates?limit=10": Budget(2, 2260, 59),
    "POST /api/v1/templates": Budget(3, 2290, 57),
    "GET /api/v1/templates/{id}": Budget(2, 1760, 47),
    "PUT /api/v1/templates/{id}": Budget(4, 2740, 62),
    "PATCH /api/v1/templates/{id}": Budget(4, 2760, 65),
    "DELETE /api/v1/templates/{id}": Budget(4, 2430, 47),
}
BODIES: dict[str, dict[str, str]] = {
    "POST /create": {"template": "new {}"},
    "POST /update": {"old_template": "mine {}a", "new_template": "new {}"},
    "POST /delete": {"template": "mine {}a"},
    "POST /api/v1/login": {"username": "alice", "password": "wonderland-1"},
    "POST /api/v1/templates": {"template": "new {}"},
    "PUT /api/v1/templates/{id}": {"template": "new {}"},
    "PATCH /api/v1/templates/{id}": {"template": "new {}"},
}
Ask = Callable[[], int]
UNUSED = count()


@pytest.fixture
def ask(alice: Person) -> Callable[[str], Ask]:
    """Return what asks for a route as a WSGI server does, each time in the same state."""

    def prepared(route: str) -> Ask:
        Template.objects.of(alice.name).delete()
        letters = "abcdefghij" if route.startswith("GET") else "a"
        # Values that were never there: some servers keep a deleted one in a unique index.
        number = next(UNUSED)
        mine = [
            Template.create(alice.name, {"template": f"mine {number}{letter}"})
            for letter in letters
        ]
        body = {name: text.format(number) for name, text in BODIES.get(route, {}).items()}
        method, _, target = route.replace("{id}", str(mine[0].id)).partition(" ")
        content = json.dumps(body).encode() if body else b""
        token = f"Bearer {alice.tokens['access_token']}"
        kind = "application/json" if content else ""
        given = environ(method, target, content, kind, authorization=token)
        statuses: list[int] = []

        def asked() -> int:
            answer = APPLICATION(given, lambda status, _: statuses.append(int(status[:3])))
            b"".join(answer)
            answer.close()
            return statuses[-1]

        return asked

    return prepared


def kilobytes_of(asked: Ask) -> int:
    """Return how much more memory is held at one time than before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        asked()
        return (tracemalloc.get_traced_memory()[1] - before) // 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("route", BUDGETS)
def test_a_request_stays_within_its_budget(
    route: str, ask: Callable[[str], Ask], commands: list[dict[str, Any]]
) -> None:
    for _ in range(2):  # what is loaded at the first request is loaded
        assert ask(route)() < 300
    asked = ask(route)
    commands.clear()
    asked()
    round_trips = len(commands)
    spent = Budget(round_trips, calls_of(ask(route)), kilobytes_of(ask(route)))
    assert all(cost <= most for cost, most in zip(spent, BUDGETS[route], strict=True)), (
        f"{route} cost {spent}, and may cost {BUDGETS[route]}"
    )


@pytest.mark.parametrize("route", [route for route, most in BUDGETS.items() if most[0] == 4])
def test_history_and_the_quota_are_the_third_and_fourth_round_trip_of_a_change(
    route: str, ask: Callable[[str], Ask], commands: list[dict[str, Any]]
) -> None:
    with override_settings(HISTORY_VERSIONS=0, QUOTA_DOCUMENTS=None, QUOTA_BYTES=None):
        asked = ask(route)
        commands.clear()
        assert asked() < 300
    assert [next(iter(command)) for command in commands] == ["aggregate", "findAndModify"]

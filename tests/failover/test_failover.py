"""The drill in small: each fault once, under a low load. ``make drill`` plays it at length."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.failover.drill import CLOCKS, FAULTS, Stage, play
from tests.failover.replica_set import ReplicaSet
from tests.failover.stepdown import FAULT, RealStage, writes
from tests.processes import Service, wait_for

pytestmark = [pytest.mark.wire, pytest.mark.process]
RATE = 20  # requests a second


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_or_done_twice_and_nobody_gets_a_500(fault: str, tmp_path: Path) -> None:
    row = play(fault, Stage(tmp_path, 1, CLOCKS.get(fault)), RATE)
    assert (row.tally.wrong, row.tally.errors) == ([], [])
    assert row.tally.answered > row.tally.unavailable


@pytest.mark.long
def test_a_primary_that_is_told_to_step_down_loses_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path, 1).members() as members:
        row = play(FAULT, RealStage(tmp_path, 1, members.uri), RATE)
    assert (row.tally.wrong, row.tally.errors) == ([], [])
    assert row.tally.answered > row.tally.unavailable
    assert writes(row)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ReplicaSet, Service]]:
    with Stage(tmp_path_factory.mktemp("stage"), 1).set_up() as (members, [service]):
        yield members, service


def test_while_one_request_waits_for_a_primary_the_others_are_refused(
    stage: tuple[ReplicaSet, Service],
) -> None:
    members, service = stage
    token = service.log_in("alice")
    successor = members.secondaries[0]
    members.elect(None)
    wait_for(lambda: refused_beside_one_that_waits(service, token) > 2, "others are refused")
    assert [service.get("/livez").status for _ in range(5)] == [200] * 5
    members.elect(successor)
    wait_for(lambda: service.get("/api/v1/templates", token).status == 200, "it goes on")


def refused_beside_one_that_waits(service: Service, token: str) -> int:
    """Return how many requests are answered, one after another, while another has no answer."""
    waiting = threading.Thread(target=service.get, args=("/get", token))
    waiting.start()
    refused = 0
    while waiting.is_alive():
        answer = service.get("/get", token)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        refused += 1
    return refused


@pytest.mark.parametrize("unconfirmed", [1, 2])
def test_a_key_whose_claim_is_not_confirmed_is_given_up(
    stage: tuple[ReplicaSet, Service], unconfirmed: int
) -> None:
    members, service = stage
    token = service.log_in(f"bob {unconfirmed}")

    def create() -> int:
        headers = {"Idempotency-Key": '"once"'}
        body = {"template": "mine"}
        return service.request("POST", "/api/v1/templates", body, token, **headers).status

    with members.not_confirming(every=1):
        for _ in range(unconfirmed):  # the second time a key that was given up is claimed
            assert create() == 503
    assert create() == 201

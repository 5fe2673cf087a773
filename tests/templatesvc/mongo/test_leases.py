"""A lease has one holder at a time, and ends by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pymongo
import pytest
import time_machine

from templatesvc.mongo.clock import now
from templatesvc.mongo.leases import Lease, LeaseTaken

MINUTE = timedelta(minutes=1)


def test_a_lease_is_one_holders_until_it_is_given_back() -> None:
    with Lease.held("a", MINUTE):
        with pytest.raises(LeaseTaken), Lease.held("a", MINUTE):
            pass
        with Lease.held("b", MINUTE):
            pass
    with Lease.held("a", MINUTE):
        pass
    assert Lease.objects.count() == 0


def test_a_lease_whose_holder_died_ends_and_is_not_given_back_by_the_dead() -> None:
    dead = Lease.held("a", MINUTE)
    dead.__enter__()
    with time_machine.travel(now() + 2 * MINUTE), Lease.held("a", MINUTE):
        dead.__exit__(None, None, None)
        with pytest.raises(LeaseTaken), Lease.held("a", MINUTE):
            pass


def test_a_lease_that_is_prolonged_lasts() -> None:
    start = now()
    with Lease.held("a", MINUTE) as lease:
        for seconds in (5, 50, 100):
            with time_machine.travel(start + timedelta(seconds=seconds)):
                lease.prolong()
                with pytest.raises(LeaseTaken), Lease.held("a", MINUTE):
                    pass
    assert Lease.objects.count() == 0


@pytest.mark.wire
def test_a_fresh_lease_is_prolonged_without_a_round_trip(commands: list[dict[str, Any]]) -> None:
    with Lease.held("a", MINUTE) as lease:
        lease.prolong()
    assert [next(iter(command)) for command in commands] == ["update", "delete"]


@pytest.mark.wire
def test_of_many_at_once_one_gets_it() -> None:
    start, done = Barrier(8), Barrier(8)

    def attempt(_: int) -> bool:
        start.wait()
        try:
            with Lease.held("a", MINUTE):
                done.wait()
                return True
        except LeaseTaken:
            done.wait()
            return False

    for _ in range(20):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1


@pytest.mark.wire
def test_a_lease_is_given_back_though_the_requests_time_is_up() -> None:
    lease = Lease.held("a", MINUTE)
    lease.__enter__()
    with pymongo.timeout(1e-6):
        lease.__exit__(None, None, None)
    assert Lease.objects.count() == 0

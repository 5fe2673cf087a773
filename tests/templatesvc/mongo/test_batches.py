"""Work that is done in batches, and how long one request does it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pymongo import _csot

from templatesvc.mongo import batches
from templatesvc.mongo.batches import BATCH_SECONDS, LEASE_DURATION, SECONDS, finish


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(moment=1000.0, monotonic=lambda: clock.moment)
    monkeypatch.setattr(batches, "time", clock)
    return clock


def test_a_turn_is_held_until_the_last_step_is_over(clock: SimpleNamespace) -> None:
    """Otherwise a step could still delete when somebody else has the turn, or the name."""
    ends: list[float] = []

    def find_nothing(_: int) -> int:
        ends.append(clock.moment + (_csot.get_timeout() or 1e9))
        clock.moment += 10
        return 0

    assert finish("turn", [find_nothing] * 3)
    assert ends[0] == 1000 + BATCH_SECONDS
    assert max(ends) < 1000 + LEASE_DURATION.total_seconds()


def test_a_request_does_one_batch_after_another_for_some_seconds(clock: SimpleNamespace) -> None:
    asked: list[int] = []

    def delete(most: int) -> int:
        asked.append(most)
        clock.moment += 1
        return most

    assert not finish("turn", [delete])
    assert asked == [batches.BATCH] * (SECONDS + 1)
    assert finish("turn", [lambda _: 0])

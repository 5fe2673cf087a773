"""What a user does one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from templatesvc.api.exceptions import StoreUnavailable
from templatesvc.api.turns import ImportInProgress, SearchInProgress, one_at_a_time
from templatesvc.mongo.clock import now
from tests.conftest import Person

HALF_A_MINUTE = timedelta(seconds=30)


def test_each_user_has_one_turn_of_a_kind(alice: Person, bob: Person) -> None:
    with one_at_a_time(alice.name, HALF_A_MINUTE, ImportInProgress(5)):
        with (
            pytest.raises(ImportInProgress),
            one_at_a_time(alice.name, HALF_A_MINUTE, ImportInProgress(5)),
        ):
            pass
        with one_at_a_time(alice.name, HALF_A_MINUTE, SearchInProgress(5)):
            pass
        with one_at_a_time(bob.name, HALF_A_MINUTE, ImportInProgress(5)):
            pass
    with one_at_a_time(alice.name, HALF_A_MINUTE, ImportInProgress(5)):
        pass


def test_a_turn_that_ended_is_prolonged_unless_it_was_taken(alice: Person) -> None:
    def outstay() -> None:
        with one_at_a_time(alice.name, HALF_A_MINUTE, ImportInProgress(5)) as prolong:
            with time_machine.travel(now() + timedelta(minutes=1)):
                prolong()
                prolonged.append(True)
            with time_machine.travel(now() + timedelta(minutes=3)), other:
                prolong()

    prolonged: list[bool] = []
    other = one_at_a_time(alice.name, HALF_A_MINUTE, ImportInProgress(5))
    with pytest.raises(StoreUnavailable):
        outstay()
    assert prolonged

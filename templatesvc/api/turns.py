"""Turns: what takes long, a user does one at a time, so that nobody takes every thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from rest_framework.exceptions import Throttled

from templatesvc.api.exceptions import StoreUnavailable
from templatesvc.mongo.leases import Lease, LeaseTaken, turn_of


class InProgress(Throttled):
    """429: the user already does what each user does one at a time."""

    extra_detail_singular = "Try again in {wait} second."
    extra_detail_plural = "Try again in {wait} seconds."


class SearchInProgress(InProgress):
    """429: a search of the user's is running, and each has one at a time."""

    default_detail = "A search of yours is still running."
    default_code = "search_in_progress"


class ImportInProgress(InProgress):
    """429: an import of the user's is running, and each has one at a time."""

    default_detail = "An import of yours is still running."
    default_code = "import_in_progress"


@contextmanager
def alone(who: str, lasts: timedelta, refusal: InProgress) -> Iterator[Callable[[], None]]:
    """Hold somebody's turn in a ``with`` block; raises the refusal (429) if it is taken.

    ``who`` is a user's name, or an address. Gives a function that whoever takes longer than
    ``lasts`` calls from time to time. It raises StoreUnavailable (503), for what makes it so late,
    if the turn is another's by now.
    """
    turn = turn_of(who, at=str(refusal.get_codes()))
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(Lease.held(turn, lasts))
        except LeaseTaken as error:
            raise refusal from error
        try:
            yield lease.prolong
        except LeaseTaken as error:
            raise StoreUnavailable() from error

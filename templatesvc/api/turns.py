"""Turns: a user does one long thing at a time, so that nobody takes every thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from templatesvc.api.exceptions import StoreUnavailable, TryAgain
from templatesvc.mongo.leases import Lease, LeaseTaken, lease_name


class SearchInProgress(TryAgain):
    """429: a search of the user's is running, and each has one at a time."""

    default_detail = "A search of yours is still running."
    default_code = "search_in_progress"


class ImportInProgress(TryAgain):
    """429: an import of the user's is running, and each has one at a time."""

    default_detail = "An import of yours is still running."
    default_code = "import_in_progress"


@contextmanager
def one_at_a_time(who: str, lasts: timedelta, refusal: TryAgain) -> Iterator[Callable[[], None]]:
    """Hold somebody's turn in a ``with`` block; raises the refusal (429) if it is taken.

    ``who`` is a user's name, or an address. The block gets a function to call from time to time if
    it may take longer than ``lasts``. If somebody else has the turn by then, the function raises
    StoreUnavailable (503), because a slow store is what made the block late.
    """
    turn = lease_name(who, work=str(refusal.get_codes()))
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(Lease.held(turn, lasts))
        except LeaseTaken as error:
            raise refusal from error
        try:
            yield lease.prolong
        except LeaseTaken as error:
            raise StoreUnavailable() from error

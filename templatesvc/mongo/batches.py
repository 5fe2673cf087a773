"""Work of any size, done in batches until one request has taken its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import timedelta

import pymongo

from templatesvc.mongo.leases import Lease, LeaseTaken

BATCH = 200  # documents
BATCH_SECONDS = 20  # that one batch may take
# After so long a request whose last batch found something to do leaves the rest to the next one.
SECONDS = 5
# How long a lease is held: until its last batch is over, and some more for clocks that differ.
LEASE_DURATION = timedelta(seconds=SECONDS + BATCH_SECONDS + 5)


def finish(lease: str, steps: Iterable[Callable[[int], int]]) -> bool:
    """Repeat each step until there is nothing left to do; tell whether the time was enough.

    A step is given the most that it may do, and returns how much it did. Only one caller at a time
    works under the lease of this name; the others are told that the work is not finished.
    """
    try:
        with Lease.held(lease, LEASE_DURATION):
            return _finish(steps)
    except LeaseTaken:
        return False


def _finish(steps: Iterable[Callable[[int], int]]) -> bool:
    deadline = time.monotonic() + SECONDS
    for step in steps:
        # In a context of its own, because the request's time for the store is not meant for this.
        while Context().run(_do, step, deadline):
            if time.monotonic() > deadline:
                return False
    return True


def _do(step: Callable[[int], int], deadline: float) -> int:
    """Do one batch of a step; raises PyMongoError if it outlasts the time for the last batch.

    That holds for steps with nothing to do as well: on a slow store they could go on for ever.
    """
    left = deadline + BATCH_SECONDS - time.monotonic()
    with pymongo.timeout(max(0.001, min(BATCH_SECONDS, left))):  # 0 would be for ever
        return step(BATCH)

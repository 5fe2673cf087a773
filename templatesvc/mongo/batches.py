"""Work of any size, done in batches for as long as one request may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import Context
from datetime import timedelta

import pymongo

from templatesvc.mongo.leases import Lease, LeaseTaken

# How many documents a batch has, and how many seconds it may take; seconds for one request.
BATCH = 200
BATCH_SECONDS = 20
SECONDS = 5


def finish(turn: str, steps: Iterable[Callable[[int], int]]) -> bool:
    """Repeat each step until it says that it did nothing; tell whether all did, in time.

    A step is given a number, does at most so much, and returns how much it did. Of those who ask
    for the same turn, one does the work at a time; to the others it is not finished.
    """
    try:
        with Lease.held(turn, timedelta(seconds=SECONDS + BATCH_SECONDS)):
            return _finish(steps)
    except LeaseTaken:
        return False


def _finish(steps: Iterable[Callable[[int], int]]) -> bool:
    deadline = time.monotonic() + SECONDS
    for step in steps:
        # In a context of its own: the request's time for the store is not meant for this.
        while Context().run(_do, step):
            if time.monotonic() > deadline:
                return False
    return True


def _do(step: Callable[[int], int]) -> int:
    with pymongo.timeout(BATCH_SECONDS):
        return step(BATCH)

"""How many requests of each client are worked at at a time: the others wait for their turn.

There is a thread more than that, so that nobody takes every one, however much they ask for.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any
from weakref import WeakValueDictionary

Lane = AbstractAsyncContextManager[Any]


class Lanes:
    """A lane for each client, which is as wide as so many requests."""

    def __init__(self, width: int) -> None:
        self.width = width
        # A lane is there while somebody is in it, or waits.
        self._of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, client: str) -> Lane:
        """Return a client's lane, in which to be in turn. Who is not known waits for nobody."""
        if not client:
            return nullcontext()
        lane = self._of.get(client)
        if lane is None:
            lane = self._of[client] = asyncio.Semaphore(self.width)
        return lane

"""How many requests of each client are worked at at a time: the others wait for their turn.

There is a thread more than that, so that nobody takes every one, however much they ask for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Lanes:
    """A lane for each client, which is as wide as so many requests."""

    def __init__(self, width: int) -> None:
        self.width = width
        # A lane is there while somebody is in it, or waits.
        self._of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Have a client's turn in the block. Who is not known waits for nobody."""
        if not client:
            yield
            return
        lane = self._of.get(client)
        if lane is None:
            lane = self._of[client] = asyncio.Semaphore(self.width)
        async with lane:
            yield

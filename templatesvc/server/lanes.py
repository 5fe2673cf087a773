"""How many requests of each client are under way in a worker; further ones wait for their turn.

So nobody takes every thread, however much they ask for at a time, and what one client has asked for
and does not read takes a bounded room.
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
    async def turn(self, client: str, patience: float) -> AsyncIterator[None]:
        """Have a client's turn in the block; raises TimeoutError if it does not come in time.

        ``patience`` is in seconds. Who is not known waits for nobody.
        """
        if not client:
            yield
            return
        lane = self._of.get(client)
        if lane is None:
            lane = self._of[client] = asyncio.Semaphore(self.width)
        async with asyncio.timeout(patience):
            await lane.acquire()
        try:
            yield
        finally:
            lane.release()

"""How many requests of each client are worked on at a time: its others wait for their turn.

There is one more thread than that, so that no client takes all of them.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any
from weakref import WeakValueDictionary

Lane = AbstractAsyncContextManager[Any]


class Lanes:
    """A lane for each client; ``width`` is the number of requests side by side in it."""

    def __init__(self, width: int) -> None:
        self.width = width
        # A lane exists while somebody is in it or waits for it.
        self._of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, client: str) -> Lane:
        """Return a client's lane, to be held during its turn. Unknown clients don't wait."""
        if not client:
            return nullcontext()
        lane = self._of.get(client)
        if lane is None:
            lane = self._of[client] = asyncio.Semaphore(self.width)
        return lane

"""The threads, and how many of them work for each client at a time: its others wait for their turn.

There is one more thread than that, so that no client takes all of them.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial

Job = Callable[[], None]


class Threads:
    """A fixed number of threads, which start with the first job: after the server forked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._started = False

    def submit(self, job: Job) -> None:
        """Have a thread do a job, which raises nothing."""
        if not self._started:
            self._started = True
            for _ in range(self.number):
                threading.Thread(target=self._work, daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            self._jobs.get()()


class Lane:
    """A client: how many threads work for it, and its jobs that wait."""

    def __init__(self) -> None:
        self.busy = 0
        self.waiting: deque[Job] = deque()


class Lanes:
    """Has threads do jobs, at most ``width`` of a client side by side.

    A job counts until its thread has done it, whether or not somebody still waits for the result.
    """

    def __init__(self, threads: Threads, width: int) -> None:
        self.threads = threads
        self.width = width
        self._lock = threading.Lock()
        self._of: dict[str, Lane] = {}  # only clients that have jobs

    def submit(self, client: str, job: Job) -> None:
        """Have a thread do a job, which raises nothing. Those of unknown clients don't wait."""
        if not client:
            self.threads.submit(job)
            return
        with self._lock:
            lane = self._of.setdefault(client, Lane())
            if lane.busy == self.width:
                lane.waiting.append(job)
                return
            lane.busy += 1
        self.threads.submit(partial(self._do, client, job))

    def withdraw(self, client: str, job: Job) -> bool:
        """Take back a job; return False if its turn has come."""
        with self._lock:
            lane = self._of.get(client)
            if lane is None or job not in lane.waiting:
                return False
            lane.waiting.remove(job)
            return True

    def _do(self, client: str, job: Job) -> None:
        try:
            job()
        finally:
            if following := self._next(client):
                self.threads.submit(partial(self._do, client, following))

    def _next(self, client: str) -> Job | None:
        """Return the job that has its turn now, or leave the lane."""
        with self._lock:
            lane = self._of[client]
            if lane.waiting:
                return lane.waiting.popleft()
            lane.busy -= 1
            if not lane.busy:
                del self._of[client]
            return None

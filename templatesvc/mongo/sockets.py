"""A connection's socket, for which the system is called as rarely as can be."""

from __future__ import annotations

import select
import time
from math import ceil, inf

from pymongo.network_layer import NetworkingInterface

READ_SIZE = 8 * 1024  # bytes that are read at a time, unless more are asked for


class PolledSocket(NetworkingInterface):
    """A socket that never blocks, and keeps what it has read beyond what it was asked for.

    PyMongo sets a socket's timeout five times for each round trip, and reads the head of a reply
    apart from the rest; Python waits for the socket before each read and write. Each of these
    eleven calls of the system hands Python's lock to another thread, and then waits for it.
    Here there are three calls: a write, a wait, and a read.
    """

    def __init__(self, connection: NetworkingInterface) -> None:
        super().__init__(connection.sock)
        self._timeout = connection.gettimeout()
        self._unread = memoryview(b"")
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self.conn, select.POLLIN)
        self._writable.register(self.conn, select.POLLOUT)
        self.conn.setblocking(False)

    @property
    def get_conn(self) -> PolledSocket:  # type: ignore[override]  # PyMongo sends by it
        return self

    def gettimeout(self) -> float | None:
        return self._timeout

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def recv_into(self, buffer: bytes | memoryview) -> int:
        """Fill a buffer, or its beginning, and return how many bytes it got: 0 at the end.

        Raises TimeoutError, or BlockingIOError if the timeout is 0, as any socket does.
        """
        wanted, due = memoryview(buffer), self._due()
        while not self._unread:
            self._wait(self._readable, due)
            try:
                if len(wanted) >= READ_SIZE:
                    return self.conn.recv_into(wanted)
                self._unread = memoryview(self.conn.recv(READ_SIZE))
            except BlockingIOError:  # the system changed its mind
                continue
            if not self._unread:
                return 0
        size = min(len(wanted), len(self._unread))
        wanted[:size], self._unread = self._unread[:size], self._unread[size:]
        return size

    def sendall(self, message: bytes) -> None:
        """Send a whole message; raises as ``recv_into`` does."""
        unsent, due = memoryview(message), self._due()
        while unsent:
            try:
                unsent = unsent[self.conn.send(unsent) :]
            except BlockingIOError:
                self._wait(self._writable, due)

    def _due(self) -> float:
        return inf if self._timeout is None else time.monotonic() + self._timeout

    def _wait(self, poll: select.poll, due: float) -> None:
        milliseconds = None if due == inf else ceil(1000 * max(0, due - time.monotonic()))
        if not poll.poll(milliseconds):
            raise BlockingIOError if self._timeout == 0 else TimeoutError("timed out")

"""The pool of connections to the store, in which a slow connection costs no request its time."""

from __future__ import annotations

import select
import socket
import time
from contextvars import Context
from typing import Any

import pymongo
from pymongo import _csot
from pymongo.synchronous.pool import Connection, Pool, _PoolCheckout

from templatesvc.mongo.sockets import PolledSocket

# That TCP, TLS, the handshake and a log-in take together.
ROUND_TRIPS = 7
CONNECT_SECONDS = 20  # PyMongo's own default, where a URI says 0


class UntimedConnectPool(Pool):
    """Makes connections outside the deadline of the operation that needs one.

    To a far server one takes several round trips, together more than an operation has: the driver
    would give up each connection that it begins, and never have any. Here each of them has
    connectTimeoutMS. The operation's deadline, which PyMongo keeps in ``_csot``, moves by as much
    time, and by the round trip of the server as it was measured.
    """

    def checkout(self, handler: Any = None) -> _PoolCheckout:
        _prolong(_csot.get_rtt())
        return super().checkout(handler)

    def connect(self, handler: Any = None) -> Connection:
        began = time.monotonic()
        connection = Context().run(self._connect, handler)
        # TLS has a buffer of its own, which no poll sees; nor is there a poll everywhere.
        if type(connection.conn.sock) is socket.socket and hasattr(select, "poll"):
            connection.conn = PolledSocket(connection.conn)
        _prolong(time.monotonic() - began)
        return connection

    def _connect(self, handler: Any) -> Connection:
        with pymongo.timeout(ROUND_TRIPS * (self.opts.connect_timeout or CONNECT_SECONDS)):
            return super().connect(handler)


def _prolong(seconds: float) -> None:
    """Move the deadline of the running operation; one without a deadline stays without."""
    _csot.DEADLINE.set(_csot.get_deadline() + seconds)

"""Gunicorn's worker for ASGI, with bounds on what a client may do to a connection."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
from collections import Counter
from contextlib import suppress
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from templatesvc import settings
from templatesvc.api.proxies import stranger, valid_address
from templatesvc.server.incoming import are_crumbs

AT_ONCE = struct.pack("ii", 1, 0)
ENDINGS = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT}
FULL = "The service has as many connections as it takes; try again in a moment."
MANY = "Your address has as many connections as one may have; close some, and try again."
# Bytes that are parsed at a time: after each chunk of a body the parser moves all that is left.
AT_A_TIME = 16 * 1024


class Protocol(ASGIProtocol):
    """A connection that is closed if a head does not arrive in time, or is too large.

    While a request is not answered, it reads no more of the next ones than came with its end.
    """

    head_size = 0
    address = ""
    parts, size = 0, 0  # of the request's body, as it came
    behind = b""  # what came after a request's end; the parser would drop what is over 64 KiB
    has_ended = False  # whether the client sends nothing more
    unread: asyncio.TimerHandle | None = None  # for the client to read what it was sent

    @classmethod
    def _check_h1c_protocol_available(cls) -> bool:
        # Gunicorn keeps what it finds out in the class that asks, and looks for it in its own.
        return bool(ASGIProtocol._check_h1c_protocol_available())

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.worker.connections.add(self)
        # Gunicorn sets this timer for the heads of all further requests.
        self._arm_keepalive_timer()
        peer = transport.get_extra_info("peername")  # a text, for a Unix socket
        self.address = stranger(valid_address(peer[0])) if isinstance(peer, tuple) else ""
        self.worker.addresses[self.address] += 1
        if self.worker.nr_conns > self.worker.worker_connections:
            self._turn_away(503, FULL)
        elif (
            self.address
            and self.worker.addresses[self.address] > settings.MAX_CONNECTIONS_PER_ADDRESS
        ):
            self._turn_away(429, MANY)

    def _turn_away(self, status: int, sentence: str) -> None:
        self._send_error_response(status, sentence, [("Retry-After", "2")])
        self._close_transport()

    def data_received(self, data: bytes) -> None:
        data, self.behind = self.behind + data, b""
        for start in range(0, len(data), AT_A_TIME):
            # Crumbs take so long each that no more of them are parsed: the body is refused.
            if self._closed or are_crumbs(self.parts, self.size):
                return
            if self._callback_parser.is_complete:
                self.behind = data[start:]
                self._pause_reading()
                return
            self._parse(data[start : start + AT_A_TIME])

    def _resume_reading(self) -> None:
        if self.behind:
            # Gunicorn calls this after an answer, before its parser begins anew.
            self.worker.loop.call_soon(self._go_on)
        else:
            super()._resume_reading()

    def _go_on(self) -> None:
        """Parse what came behind a request, unless that is not answered yet."""
        if not self._callback_parser.is_complete:
            super()._resume_reading()
            self.data_received(b"")

    def eof_received(self) -> bool:
        """Stay for a client that has sent whole requests, and waits for the answers."""
        self.has_ended = True
        return bool(self._callback_parser.is_complete)

    def _on_headers_complete(self) -> Any:
        self.parts = self.size = 0
        return super()._on_headers_complete()

    def _on_body(self, chunk: bytes) -> None:
        self.parts += 1
        self.size += len(chunk)
        super()._on_body(chunk)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self._current_request is not None:
            self.head_size = 0
            return
        self.head_size += len(data)
        if self.head_size > settings.MAX_HEAD_SIZE and not self._closed:
            self._send_error_response(431, f"The head is over {settings.MAX_HEAD_SIZE} bytes.")
            self._close_transport()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.worker.connections:  # gunicorn may say it twice
            self.worker.connections.remove(self)
            self.worker.addresses[self.address] -= 1
            if not self.worker.addresses[self.address]:
                del self.worker.addresses[self.address]
        self._forget_unread()
        super().connection_lost(exc)

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Answer a request, without the task that gunicorn has for work after the answer."""
        may_stay = bool(await self._handle_http_request(request, sockname, peername))
        is_last = self.has_ended and not (self.behind or self._callback_parser.remaining())
        return may_stay and not is_last

    def pause_writing(self) -> None:
        """Have the client read what waits for it; the transport calls this at 64 KiB."""
        super().pause_writing()
        seconds = settings.ANSWER_TIMEOUT.total_seconds()
        self.unread = self.worker.loop.call_later(seconds, self._give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_unread()

    def _forget_unread(self) -> None:
        if self.unread:
            self.unread.cancel()
            self.unread = None

    def _give_up(self) -> None:
        """Drop a client that does not read, and whatever still works for it."""
        if request := self._current_request:
            self.log.info("A client did not read the answer to %s.", request.path)
        self._abort()
        self._cancel_task_if_pending()

    def close_if_idle(self) -> None:
        if self._awaiting_request and not self._finishing_calls:
            self._keepalive_timeout()

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False  # an upgrade is an offer: what was asked is answered

    def _close_transport(self) -> None:
        """Close the connection, also if the client never reads what is left to send."""
        super()._close_transport()
        if self._flow_control.write_paused:
            self._abort()
        elif self.transport.get_write_buffer_size():
            seconds = settings.ANSWER_TIMEOUT.total_seconds()
            self.worker.loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        """Drop what is left to send: the system would keep it as long as the client is there."""
        if connection := self.transport.get_extra_info("socket"):
            with suppress(OSError):  # it is closed by now
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()


class Worker(gasgi.ASGIWorker):
    """A worker that stops as soon as its requests are answered."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connections: set[Protocol] = set()
        self.addresses: Counter[str] = Counter()  # how many connections each has

    def init_process(self) -> None:
        gasgi.ASGIProtocol = Protocol  # gunicorn has no setting for it
        super().init_process()

    async def _serve(self) -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        await super()._serve()

    async def _shutdown(self) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        await super()._shutdown()


def keep_signals_for_new_workers() -> None:
    """Keep what tells a new worker to end until its loop runs.

    It would be lost before: the handlers are the master's, and then uvloop's, which forgets what
    it is told before it runs. The master would wait for the worker for 30 s, and kill it.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS),
    )

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
from templatesvc.server.endings import ABORT, CLOSE
from templatesvc.server.incoming import are_crumbs

NO_LINGER = struct.pack("ii", 1, 0)
STOP_SIGNALS = {signal.SIGTERM, signal.SIGQUIT, signal.SIGINT}
TOO_MANY_CONNECTIONS = "The service has as many connections as it takes; try again in a moment."
TOO_MANY_OF_ADDRESS = (
    "Your address has as many connections as one may have; close some, and try again."
)
# Bytes that are parsed at a time: after each chunk of a body the parser moves all the rest.
CHUNK_SIZE = 16 * 1024


class Protocol(ASGIProtocol):
    """A connection that is closed if the head of a request is too large or too late.

    Until a request is answered, nothing more is read than what came together with its end, and the
    first part that comes after it.
    """

    head_size = 0
    address = ""
    parts, size = 0, 0  # of the request's body so far
    behind = b""  # what came after a request; the parser would drop what exceeds 64 KiB
    has_ended = False  # whether the client sends nothing more
    unread: asyncio.TimerHandle | None = None  # runs while the client does not read
    says_close = False  # whether the answer announces that the connection is closed after it

    @classmethod
    def _check_h1c_protocol_available(cls) -> bool:
        # Gunicorn would keep the result in this class, but looks for it in its own.
        return bool(ASGIProtocol._check_h1c_protocol_available())

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.worker.connections.add(self)
        # Gunicorn itself sets this timer only for the heads of later requests.
        self._arm_keepalive_timer()
        peer = transport.get_extra_info("peername")  # a text, for a Unix socket
        self.address = stranger(valid_address(peer[0])) if isinstance(peer, tuple) else ""
        self.worker.addresses[self.address] += 1
        if self.worker.nr_conns > self.worker.worker_connections:
            self._turn_away(503, TOO_MANY_CONNECTIONS)
        elif (
            self.address
            and self.worker.addresses[self.address] > settings.MAX_CONNECTIONS_PER_ADDRESS
        ):
            self._turn_away(429, TOO_MANY_OF_ADDRESS)

    def _turn_away(self, status: int, sentence: str) -> None:
        self._send_error_response(status, sentence, [("Retry-After", "2")])
        self._close_transport()

    def data_received(self, data: bytes) -> None:
        data, self.behind = self.behind + data, b""
        start = 0
        while start < len(data):
            # Tiny parts take so long that no more of them are parsed: the body is refused.
            if self._closed or are_crumbs(self.parts, self.size):
                return
            if self._callback_parser.is_complete:
                self.behind = data[start:]
                self._pause_reading()
                return
            size = CHUNK_SIZE
            if self._current_request is None:
                size = min(size, settings.MAX_HEAD_SIZE - self.head_size)
            if not size:
                self._send_error_response(
                    431, f"The head is over {settings.MAX_HEAD_SIZE} bytes. Send less."
                )
                self._close_transport()
                return
            self._parse(data[start : start + size])
            start += size

    def _resume_reading(self) -> None:
        if self.behind or self.has_ended:
            # Later, because gunicorn calls this before it resets its parser.
            self.worker.loop.call_soon(self._go_on)
        else:
            super()._resume_reading()

    def _go_on(self) -> None:
        """Parse what came after a request, once that is answered."""
        if not self._callback_parser.is_complete:
            super()._resume_reading()
            self.data_received(b"")
            if self.has_ended and not self._callback_parser.is_complete:
                self._close_transport()  # the rest of this request never comes

    def eof_received(self) -> bool:
        """Keep the connection if the client has sent a whole request and waits for the answer."""
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
        is_head = self._current_request is None
        self.head_size = self.head_size + len(data) if is_head else 0

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.worker.connections:  # gunicorn may say it twice
            self.worker.connections.remove(self)
            self.worker.addresses[self.address] -= 1
            if not self.worker.addresses[self.address]:
                del self.worker.addresses[self.address]
        self._forget_unread()
        super().connection_lost(exc)

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> bool:
        """Answer a request, without gunicorn's task for work after the answer."""
        self.says_close = False
        may_stay = bool(await self._handle_http_request(request, sockname, peername))
        is_last = self.has_ended and not (self.behind or self._callback_parser.remaining())
        return may_stay and not is_last and not self.says_close

    def _build_http_scope(self, *args: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(*args)
        scope[ABORT] = self._abort
        return scope

    def _send_response_start(
        self, status: int, headers: list[tuple[bytes, bytes]], *args: Any, **kwargs: Any
    ) -> None:
        # Gunicorn itself closes only for what the request says (RFC 9112, section 9.6).
        self.says_close = CLOSE in headers
        super()._send_response_start(status, headers, *args, **kwargs)

    def pause_writing(self) -> None:
        """Give the client a time to read; the transport calls this once 64 KiB wait for it."""
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
        """Drop a client that does not read, and the work that is done for it."""
        if request := self._current_request:
            self.log.info("A client did not read the answer to %s.", request.path)
        self._abort()
        self._cancel_task_if_pending()

    def close_if_idle(self) -> None:
        if self._awaiting_request and not self._finishing_calls:
            self._keepalive_timeout()

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False  # an upgrade is only an offer, so the request itself is answered

    def _close_transport(self) -> None:
        """Close the connection, even if the client never reads what is left to send."""
        super()._close_transport()
        if self._flow_control.write_paused:
            self._abort()
        elif self.transport.get_write_buffer_size():
            seconds = settings.ANSWER_TIMEOUT.total_seconds()
            self.worker.loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        """Close without sending the rest, which the system would keep until the client is gone."""
        if connection := self.transport.get_extra_info("socket"):
            with suppress(OSError):  # it is closed by now
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._closed = True  # so that gunicorn does not end it in order first
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
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        await super()._serve()

    async def _shutdown(self) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        await super()._shutdown()


def keep_signals_for_new_workers() -> None:
    """Hold back the signals that end a new worker until its loop runs.

    Earlier they would be lost: the handlers are still the master's, and then those of uvloop, which
    forgets signals that come before it runs. The master would wait 30 s, and kill the worker.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS),
    )

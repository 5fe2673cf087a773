"""The WSGI application in threads, behind an ASGI server.

The event loop waits for clients. A request takes a thread once its body has arrived, and gives it
back after each piece of its answer, so that a slow client takes some memory but never a thread.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextvars import Context
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from templatesvc.api.proxies import client_address, stranger, without_prefix
from templatesvc.server.bodies import REFUSED
from templatesvc.server.endings import ABORT, CLOSE, Abort, leave_it
from templatesvc.server.incoming import Body, Disconnected, Shares
from templatesvc.server.lanes import Lanes, Threads
from templatesvc.server.stalls import CALLER, Stalls

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
PIECE = 64 * 1024  # bytes: what is sent at a time
GATHERING_SECONDS = 0.5  # a piece is sent after this time, however small it is
CHUNKED = "chunked"
# A target that is a whole URL (RFC 9112, section 3.2.2): its host, and its path without the slash.
WHOLE_URL = re.compile(
    rb"https?://(?:[\w.~!$&'()*+,;=%:-]*@)?"  # the name of a user is none of our business
    rb"((?:[\w.~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?)(?:/(.*))?",
    re.I | re.S,
)
BODIES_OF_ONE = 8  # largest bodies of one client that a worker keeps at a time
SAFE = {"GET", "HEAD", "OPTIONS"}
# It has a thread of its own, so that it tells whether the process lives, not whether it is busy.
PROBE = "/livez"
UNREAD = b"Read the answers that you have asked for, and try again."
LINGER_SECONDS = 5  # for clients that read the answer only once they have sent their whole body


class BrokenOff(Exception):
    """The rest of an answer can't be sent: the server breaks the connection."""


class Exchange:
    """A request in the application, which runs step by step in several threads and one context."""

    def __init__(
        self, application: Application, environ: Environ, body: Body, lanes: Lanes
    ) -> None:
        self.application = application
        self.environ = environ
        self.body = body
        self.lanes = lanes
        self.context = Context()
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[tuple[bytes, bool]] | None = None
        self.response: Iterable[bytes] | None = None
        self.pieces: Iterator[bytes] = iter(())
        self.is_over = False
        self.received = int(environ.get("CONTENT_LENGTH") or 0)  # bytes
        self.sent = 0  # bytes of the answer, to whoever sends them on
        self.length: int | None = None  # bytes that it has, if it says so
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.address = stranger(client_address(environ))

    @property
    def client(self) -> tuple[str, str]:
        """The name of the user, once it is known, and their address."""
        return self.environ.get(CALLER, ""), self.address

    @property
    def is_safe(self) -> bool:
        """Whether nothing is lost if the answer is not sent."""
        return self.environ["REQUEST_METHOD"] in SAFE

    @property
    def is_large(self) -> bool:
        """Whether the answer has taken more than a piece, or will."""
        return self.response is not None or self.sent > PIECE

    @property
    def ends_by_close(self) -> bool:
        """Whether only the end of the connection tells the client where the answer ends.

        So it is over HTTP/1.0, which knows no chunks, if the answer does not say its length.
        """
        return self.length is None and self.environ["SERVER_PROTOCOL"] == "HTTP/1.0"

    async def next_piece(self) -> tuple[bytes, bool]:
        """Return the next piece of the answer, and whether more follow.

        The first call runs the application. Raises BrokenOff if an answer can't be continued.
        """
        self.future = self.loop.create_future()
        self.body.lend()
        self.lanes.submit(self.address, self._run)
        return await self.future

    def end(self) -> None:
        """Close the response if the client left before its end."""
        is_left = self.future is not None and self.future.cancelled()
        # If the client left during a step, _settle does this afterwards.
        if not is_left or self.lanes.withdraw(self.address, self._run):
            self._let_go()

    def _let_go(self) -> None:
        """Close what is still open; no thread uses it now."""
        self.body.take_back()
        if self.response is not None:
            self.lanes.submit(self.address, self._close)

    def _run(self) -> None:
        """Make one step, in a thread; none if the client left while this was waiting."""
        assert self.future
        outcome: tuple[Any, BaseException | None] = (None, None)
        if not self.future.cancelled():
            try:
                outcome = (self.context.run(self._step), None)
            except BaseException as error:  # raised again where the piece is awaited
                outcome = (None, error)
        self.loop.call_soon_threadsafe(self._settle, *outcome)
        del outcome
        if self.is_over and self.received + self.sent > PIECE:
            # DRF's requests are in reference cycles: a large parsed body would stay for long. This
            # takes only a few milliseconds, because what was loaded at the start is frozen.
            gc.collect()

    def _settle(self, piece: tuple[bytes, bool], error: BaseException | None) -> None:
        assert self.future
        if self.future.cancelled():
            self._let_go()
            return
        self.body.take_back()
        if error:
            self.future.set_exception(error)
        else:
            self.future.set_result(piece)

    def _step(self) -> tuple[bytes, bool]:
        if self.response is None:
            self.response = self.application(self.environ, self._start_response)
            self.pieces = iter(self.response)
            return self._gather()
        try:
            return self._gather()
        except Exception as error:
            logger.exception("The answer to %s broke off.", self.environ["PATH_INFO"])
            raise BrokenOff from error

    def _gather(self) -> tuple[bytes, bool]:
        parts, size, due = [], 0, time.monotonic() + GATHERING_SECONDS
        is_last = True
        for part in self.pieces:
            parts.append(part)
            size += len(part)
            if size >= PIECE or time.monotonic() > due:
                is_last = self.sent + size == self.length
                break
        self.sent += size
        if is_last:
            # Before the last piece is sent, because an open response keeps all that it was made of.
            self._close_response()
        return b"".join(parts), not is_last

    def _close(self) -> None:
        try:
            self.context.run(self._close_response)
        except Exception:
            logger.exception("The answer to %s was not closed.", self.environ["PATH_INFO"])

    def _close_response(self) -> None:
        response, self.response = self.response, None
        self.pieces, self.is_over = iter(()), True
        if close := getattr(response, "close", None):
            close()

    def _start_response(self, status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        self.status = int(status[:3])
        self.headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]
        length = dict(self.headers).get(b"content-length")
        self.length = None if length is None else int(length)


class ThreadedASGI:
    """An ASGI application that runs a WSGI application in a few threads of its own."""

    def __init__(
        self,
        application: Application,
        threads: int,
        largest_body: int,
        body_timeout: float,
    ) -> None:
        self.application = application
        self.lanes = Lanes(Threads(threads), width=threads - 1)
        self.probes = Lanes(Threads(1), width=1)
        self.stalls = Stalls()
        self.largest_body = largest_body
        self.shares = Shares(BODIES_OF_ONE * largest_body)
        self.body_timeout = body_timeout

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"This service speaks HTTP alone, not {scope['type']}.")
        host, path = target_of(scope)
        environ = wsgi_environ(scope, path)
        if refusal := refusal_of(environ, host):
            await self._refuse(*refusal, send)
            return
        if host:
            environ["HTTP_HOST"] = host
        with Body(environ, receive, self.largest_body, self.shares) as body:
            if body.more:
                try:
                    await body.read(self.body_timeout)
                except Disconnected:
                    return
            environ["wsgi.input"] = body.stream
            if body.refused:
                environ[REFUSED] = body.refused
            elif body.is_chunked:
                environ["CONTENT_LENGTH"] = str(body.size)
            await self._answer(environ, body, send, scope.get(ABORT, leave_it))
        # Whoever waits to be asked for the body sends none now.
        if body.more and (body.size or "HTTP_EXPECT" not in environ):
            await body.drop_rest(min(LINGER_SECONDS, self.body_timeout))

    async def _refuse(self, status: int, sentence: bytes, send: Send) -> None:
        headers = [(b"content-type", b"text/plain"), CLOSE]
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            headers.append((b"retry-after", b"2"))
        headers.append((b"content-length", b"%d" % len(sentence)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": sentence, "more_body": False})

    async def _answer(self, environ: Environ, body: Body, send: Send, abort: Abort) -> None:
        is_probe = without_prefix(environ["PATH_INFO"]).rstrip("/") == PROBE
        lanes = self.probes if is_probe else self.lanes
        exchange = Exchange(self.application, environ, body, lanes)
        try:
            await self._pass_on(exchange, send, abort)
        finally:
            exchange.end()

    async def _pass_on(self, exchange: Exchange, send: Send, abort: Abort) -> None:
        piece, more = await exchange.next_piece()
        if not more:
            exchange.body.close()  # whoever reads the answer slowly does not hold the body as well
        if exchange.is_large and exchange.is_safe and self.stalls.are_too_many(*exchange.client):
            await self._refuse(HTTPStatus.TOO_MANY_REQUESTS, UNREAD, send)
            return
        if exchange.body.more or exchange.ends_by_close:
            exchange.headers.append(CLOSE)
        start = {"type": "http.response.start", "status": exchange.status}
        await send(start | {"headers": exchange.headers})
        try:
            await self._send(exchange, piece, more, send)
            while more:
                piece, more = await exchange.next_piece()
                await self._send(exchange, piece, more, send)
        except BaseException:
            if exchange.ends_by_close:
                abort()  # an orderly end would pass for the end of the answer
            raise

    async def _send(self, exchange: Exchange, piece: bytes, more: bool, send: Send) -> None:
        """Send a piece in parts; the server waits for the client to read before the next."""
        for start in range(0, len(piece) or 1, PIECE):
            part = piece[start : start + PIECE]
            is_last = not more and start + PIECE >= len(piece)
            message = {"type": "http.response.body", "body": part, "more_body": not is_last}
            if exchange.is_large:
                with self.stalls.watched(*exchange.client):
                    await send(message)
            else:
                await send(message)


def target_of(scope: Message) -> tuple[str | None, bytes]:
    """Return the host that a request's target names, and its path.

    The host is None if only the header names one, and empty if the target is malformed. The scheme
    is not believed: whether a client speaks HTTPS is known from its connection.
    """
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if target[:1] in (b"/", b"*", b""):
        return None, target
    url = WHOLE_URL.fullmatch(target)
    return (url[1].decode(), b"/" + (url[2] or b"")) if url else ("", target)


def wsgi_environ(scope: Message, path: bytes) -> Environ:
    """Return a request for WSGI (PEP 3333), without its body."""
    prefix = scope.get("root_path", "")
    host, port = scope.get("server") or ("", None)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": prefix.encode().decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    if prefix:
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(environ["SCRIPT_NAME"])
    for name, value in scope["headers"]:
        if b"_" in name:  # it could pass for a header with a hyphen, which proxies check
            continue
        key, text = meta_name(name), value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    return environ


def refusal_of(environ: Environ, host: str | None) -> tuple[int, bytes] | None:
    """Return the status and a sentence for a request that HTTP/1.1 (RFC 9112) forbids to serve.

    A proxy in front might read such a request differently. ``host`` is that of its target.
    """
    if environ["SERVER_PROTOCOL"] == "HTTP/1.1" and "HTTP_HOST" not in environ:
        return HTTPStatus.BAD_REQUEST, b"Send a Host header."  # section 3.2
    if host == "":
        return HTTPStatus.BAD_REQUEST, b"Send a path, or a URL with a valid host."  # 3.2.2
    if environ.get("HTTP_TRANSFER_ENCODING", CHUNKED).lower() != CHUNKED:
        return HTTPStatus.NOT_IMPLEMENTED, b"No transfer coding but chunked is known."  # 6.1
    return None


@lru_cache(maxsize=256)
def meta_name(header: bytes) -> str:
    """Return the WSGI name of a header."""
    name = header.decode("latin-1").upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"

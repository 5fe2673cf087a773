"""How many requests of one client are under way in a worker, and what is kept of unread answers."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from pytest_django import Settings

from templatesvc.server.threads import LANE, PIECE, UNREAD, ThreadedASGI
from templatesvc.settings import _networks

THREADS = 2
WIDTH = LANE * THREADS
PATIENCE = 30.0
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Client:
    """Asks for ``/`` and reads the answer only if it is let to."""

    def __init__(self, asgi: ThreadedASGI, address: str, **headers: str) -> None:
        headers = {"authorization": "Bearer a.b.c"} | headers
        self.asgi = asgi
        self.sent: list[Any] = []
        self.may_read = asyncio.Event()
        given = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "client": (address, 1),
            "headers": [(b"host", b"example.org"), *given],
        }
        self.task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        await self.asgi(self.scope, self._receive, self._send)

    async def _receive(self) -> Any:
        raise AssertionError("There is no body.")

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        await self.may_read.wait()

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def answering(*parts: bytes, length: int | None = None) -> Application:
    def application(_: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = [] if length is None else [("Content-Length", str(length))]
        start_response("200 OK", headers)
        return iter(parts)

    return application


def served(application: Application, patience: float = PATIENCE) -> ThreadedASGI:
    return ThreadedASGI(application, THREADS, 2**20, 30, patience)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.01)


def test_who_reads_nothing_makes_nobody_else_wait() -> None:
    async def play() -> None:
        asgi = served(answering(b"x" * PIECE, b"y" * PIECE))
        greedy = [Client(asgi, "192.0.2.1") for _ in range(3 * WIDTH)]
        await until(lambda: sum(bool(client.status) for client in greedy) == WIDTH)
        probe = Client(asgi, "192.0.2.1", authorization="")
        for other in (Client(asgi, "192.0.2.2"), probe):
            other.may_read.set()
            await until(other.task.done)
            assert (other.status, len(other.body)) == (200, 2 * PIECE)
        assert sum(bool(client.status) for client in greedy) == WIDTH

        for client in greedy:
            client.may_read.set()
        await until(lambda: all(client.task.done() for client in greedy))
        assert {(client.status, len(client.body)) for client in greedy} == {(200, 2 * PIECE)}
        gc.collect()
        assert not asgi.lanes._of

    asyncio.run(play())


def test_whose_turn_does_not_come_is_told_to_read() -> None:
    async def play() -> None:
        asgi = served(answering(b"x"), patience=0.2)
        lane = asgi.lanes.turn("192.0.2.1", PATIENCE)
        held = [asgi.lanes.turn("192.0.2.1", PATIENCE) for _ in range(WIDTH - 1)]
        for turn in (lane, *held):
            await turn.__aenter__()
        late = Client(asgi, "192.0.2.1")
        late.may_read.set()
        await until(late.task.done)
        assert (late.status, late.body) == (429, UNREAD)
        assert (b"retry-after", b"2") in late.sent[0]["headers"]

        await lane.__aexit__(None, None, None)
        again = Client(asgi, "192.0.2.1")
        again.may_read.set()
        await until(again.task.done)
        assert (again.status, again.body) == (200, b"x")

    asyncio.run(play())


@pytest.mark.parametrize(
    ("proxies", "headers", "at_a_time"),
    [
        ("192.0.2.1", {"x_forwarded_for": "203.0.113.7"}, WIDTH),
        ("192.0.2.1", {}, 3 * WIDTH),  # the proxy's own, such as a probe of the machine's
        ("", {"x_forwarded_for": "203.0.113.7"}, WIDTH),
    ],
)
def test_behind_a_trusted_proxy_a_lane_is_the_clients(
    proxies: str, headers: dict[str, str], at_a_time: int, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = _networks(proxies)

    async def play() -> None:
        asgi = served(answering(b"x"))
        clients = [Client(asgi, "192.0.2.1", **headers) for _ in range(3 * WIDTH)]
        await until(lambda: sum(bool(client.status) for client in clients) == at_a_time)
        await asyncio.sleep(0.05)
        assert sum(bool(client.status) for client in clients) == at_a_time
        for client in clients:
            client.may_read.set()
        await until(lambda: all(client.task.done() for client in clients))

    asyncio.run(play())


class Answer:
    """Says how many bytes it has, and whether it was closed."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = iter(parts)
        self.is_closed = False

    def __iter__(self) -> Answer:
        return self

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("parts", "length", "is_closed"),
    [
        ([b"x" * 5 * PIECE], 5 * PIECE, True),
        ([b"x" * PIECE, b"y" * PIECE], 2 * PIECE, False),
        ([b"x"], None, True),
        ([b"x" * 5 * PIECE], None, False),
    ],
)
def test_an_answer_that_is_there_whole_is_closed_before_it_is_read(
    parts: list[bytes], length: int | None, is_closed: bool
) -> None:
    """All that it was made of would be kept for as long as the client takes."""
    answer = Answer(*parts)

    def application(_: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
        return answer

    async def play() -> None:
        client = Client(served(application), "192.0.2.1")
        await until(lambda: bool(client.sent))
        assert answer.is_closed == is_closed
        client.may_read.set()
        await until(client.task.done)
        assert (answer.is_closed, client.body) == (True, b"".join(parts))

    asyncio.run(play())

"""What one client may have of a worker: its threads, and memory for answers that nobody reads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from pytest_django import Settings

from templatesvc.server import stalls
from templatesvc.server.incoming import IN_MEMORY
from templatesvc.server.stalls import CALLER, MAX_OF_AN_ADDRESS, MAX_OF_ONE
from templatesvc.server.threads import PIECE, UNREAD, ThreadedASGI
from templatesvc.settings import _networks
from tests.processes import PATIENCE

THREADS = 3
LARGE = b"x" * 2 * PIECE
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Client:
    """Asks for ``/`` and reads the answer only if it is let to."""

    def __init__(
        self,
        asgi: ThreadedASGI,
        address: str,
        method: str = "GET",
        path: str = "/",
        body: bytes = b"",
        **headers: str,
    ) -> None:
        self.asgi = asgi
        self.body_to_send = body
        self.sent: list[Any] = []
        self.may_read = asyncio.Event()
        self.may_read_head = self.may_read
        given = [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "client": (address, 1),
            "headers": [
                *((b"host", b"example.org"), (b"content-length", b"%d" % len(body))),
                *given,
            ],
        }
        self.task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        await self.asgi(self.scope, self._receive, self._send)

    async def _receive(self) -> Any:
        assert self.body_to_send, "all has been read"
        part, self.body_to_send = self.body_to_send, b""
        return {"type": "http.request", "body": part, "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        await (self.may_read_head if len(self.sent) == 1 else self.may_read).wait()

    def reads_head(self) -> None:
        """Read the head of the answer, and no more for now."""
        self.may_read_head = asyncio.Event()
        self.may_read_head.set()

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def served(application: Application) -> ThreadedASGI:
    return ThreadedASGI(application, THREADS, 2**20, body_timeout=30)


def is_idle(asgi: ThreadedASGI) -> bool:
    """Tell whether nothing is counted or kept for anybody any more."""
    return not (asgi.lanes._of or asgi.probes._of or asgi.shares.held)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.01)


async def read_to_the_end(clients: Sequence[Client]) -> None:
    for client in clients:
        client.may_read.set()
    await until(lambda: all(client.task.done() for client in clients))


def answering(*parts: bytes) -> Application:
    """Answer as somebody whom the header ``X-Caller`` names."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ[CALLER] = environ.get("HTTP_X_CALLER", "")
        start_response("200 OK", [])
        return iter(parts)

    return application


# --- Threads --------------------------------------------------------------------------------------


class Working:
    """An application that works until it is let go on, and notes for whom."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.begun: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.begun.append(environ["REMOTE_ADDR"])
        if environ["REMOTE_ADDR"] == "192.0.2.1":
            assert self.may_go_on.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"x"]


@pytest.mark.parametrize(
    ("proxies", "header", "at_a_time"),
    [
        ("", {}, THREADS - 1),
        ("", {"x_forwarded_for": "203.0.113.7"}, THREADS - 1),
        ("192.0.2.1", {"x_forwarded_for": "203.0.113.7"}, THREADS - 1),
        ("192.0.2.1", {}, THREADS),  # the proxy's own
    ],
)
def test_one_address_never_takes_every_thread(
    proxies: str, header: dict[str, str], at_a_time: int, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = _networks(proxies)

    async def play() -> None:
        working = Working()
        asgi = served(working)
        greedy = [Client(asgi, "192.0.2.1", **header) for _ in range(3 * THREADS)]
        await until(lambda: len(working.begun) == at_a_time)
        if at_a_time < THREADS:
            other = Client(asgi, "192.0.2.2")
            await read_to_the_end([other])
            assert working.begun == ["192.0.2.1"] * at_a_time + ["192.0.2.2"]
        probe = Client(asgi, "192.0.2.1", path="/livez")
        await until(lambda: len(working.begun) == THREADS + 1)
        working.may_go_on.set()
        await read_to_the_end([*greedy, probe])
        assert {client.status for client in greedy} == {200}
        await until(lambda: is_idle(asgi))

    asyncio.run(play())


@pytest.mark.parametrize("path", ["/livez", "/livez/", "/shop/templates/livez"])
def test_the_probe_has_a_thread_of_its_own_with_the_prefix_and_without(
    path: str, settings: Settings
) -> None:
    settings.SCRIPT_NAME = "/shop/templates"
    settings.TRUSTED_PROXIES = _networks("192.0.2.1")  # which may have every other thread

    async def play() -> None:
        working = Working()
        asgi = served(working)
        busy = [Client(asgi, "192.0.2.1") for _ in range(THREADS)]
        await until(lambda: len(working.begun) == THREADS)
        probe = Client(asgi, "192.0.2.2", path=path)
        await until(lambda: len(working.begun) == THREADS + 1)
        working.may_go_on.set()
        await read_to_the_end([*busy, probe])
        assert {client.status for client in (*busy, probe)} == {200}

    asyncio.run(play())


def test_what_a_client_left_before_it_was_begun_is_not_begun() -> None:
    async def play() -> None:
        working = Working()
        asgi = served(working)
        busy = [Client(asgi, "192.0.2.1") for _ in range(THREADS - 1)]
        await until(lambda: len(working.begun) == THREADS - 1)
        gone = [Client(asgi, "192.0.2.1") for _ in range(3)]
        await asyncio.sleep(0)
        await leave(gone)
        working.may_go_on.set()
        for client in busy:
            client.may_read.set()
        await until(lambda: all(client.task.done() for client in busy + gone))
        assert len(working.begun) == THREADS - 1

    asyncio.run(play())


async def leave(clients: Sequence[Client]) -> None:
    """Hang up: the server cancels what it does for a client that is gone."""
    for client in clients:
        client.task.cancel()
    await until(lambda: all(client.task.done() for client in clients))


def test_who_hangs_up_keeps_the_threads_that_still_work_for_them() -> None:
    async def play() -> None:
        working = Working()
        asgi = served(working)
        left = [Client(asgi, "192.0.2.1") for _ in range(THREADS - 1)]
        await until(lambda: len(working.begun) == THREADS - 1)
        waiting = [Client(asgi, "192.0.2.1") for _ in range(THREADS)]
        await asyncio.sleep(0)
        await leave(left)
        other = Client(asgi, "192.0.2.2")
        await read_to_the_end([other])
        assert working.begun == ["192.0.2.1"] * (THREADS - 1) + ["192.0.2.2"]
        working.may_go_on.set()
        await read_to_the_end(waiting)
        assert {client.status for client in waiting} == {200}
        await until(lambda: is_idle(asgi))

    asyncio.run(play())


def test_closing_an_answer_that_was_left_takes_no_more_threads_of_one_address() -> None:
    may_close = threading.Event()
    closing: list[str] = []

    class Slow(Answer):
        def close(self) -> None:
            closing.append("closing")
            assert may_close.wait(PATIENCE)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Slow(LARGE, LARGE) if environ["REMOTE_ADDR"] == "192.0.2.1" else [b"x"]

    async def play() -> None:
        asgi = served(application)
        left = [Client(asgi, "192.0.2.1") for _ in range(2 * THREADS)]
        await until(lambda: all(client.sent for client in left))
        await leave(left)
        other = Client(asgi, "192.0.2.2")
        await read_to_the_end([other])
        assert (other.status, len(closing) < THREADS) == (200, True)
        may_close.set()
        await until(lambda: len(closing) == 2 * THREADS and is_idle(asgi))

    asyncio.run(play())


# --- Bodies ---------------------------------------------------------------------------------------

BODY = b"x" * 2 * IN_MEMORY
TOKEN = "Bearer aaa.bbb.ccc"


class Reading(Working):
    """One that reads the body after that, and notes how long it was."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = super().__call__(environ, start_response)
        self.read.append(len(environ["wsgi.input"].read()))
        return answer


def sending(asgi: ThreadedASGI) -> Client:
    return Client(asgi, "192.0.2.1", "POST", body=BODY, authorization=TOKEN)


def test_the_body_is_there_until_its_thread_is_done_although_its_client_is_gone() -> None:
    async def play() -> None:
        reading = Reading()
        asgi = served(reading)
        left = sending(asgi)
        await until(lambda: len(reading.begun) == 1)
        await leave([left])
        assert asgi.shares.held == {"192.0.2.1": len(BODY)}
        reading.may_go_on.set()
        await until(lambda: is_idle(asgi))
        assert reading.read == [len(BODY)]

    asyncio.run(play())


def test_the_body_of_who_left_before_their_turn_is_dropped_at_once() -> None:
    async def play() -> None:
        reading = Reading()
        asgi = served(reading)
        busy = [sending(asgi) for _ in range(THREADS - 1)]
        await until(lambda: len(reading.begun) == THREADS - 1)
        waiting = [sending(asgi) for _ in range(3)]
        await until(lambda: asgi.shares.held["192.0.2.1"] == (THREADS + 2) * len(BODY))
        await leave(waiting)
        assert asgi.shares.held == {"192.0.2.1": (THREADS - 1) * len(BODY)}
        reading.may_go_on.set()
        await read_to_the_end(busy)
        await until(lambda: is_idle(asgi))
        assert reading.read == [len(BODY)] * (THREADS - 1)

    asyncio.run(play())


@pytest.mark.parametrize("turns", range(12))
def test_nothing_is_kept_whenever_a_client_leaves(turns: int) -> None:
    """``turns`` are those of the event loop before it does."""
    answers: list[Answer] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answers.append(Answer(environ["wsgi.input"].read(), LARGE, LARGE))
        start_response("200 OK", [])
        return answers[-1]

    async def play() -> None:
        asgi = served(application)
        clients = [sending(asgi) for _ in range(2 * THREADS)]
        for client in clients:
            client.may_read.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        await leave(clients)
        await until(lambda: is_idle(asgi) and all(answer.is_closed for answer in answers))

    asyncio.run(play())


# --- Answers that nobody reads --------------------------------------------------------------------


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not read at once has stalled."""
    monkeypatch.setattr(stalls, "SECONDS", 0.0)


@pytest.mark.usefixtures("_at_once")
def test_who_leaves_several_large_answers_unread_gets_no_more() -> None:
    async def play() -> None:
        asgi = served(answering(LARGE))
        held = [Client(asgi, "192.0.2.1", x_caller="alice") for _ in range(MAX_OF_ONE)]
        for client in held:
            client.reads_head()
        await until(lambda: asgi.stalls.are_too_many("alice", ""))

        for method, caller, status in (
            ("GET", "alice", 429),
            ("GET", "bob", 200),
            ("GET", "", 200),
            ("POST", "alice", 200),  # it is done by now
        ):
            client = Client(asgi, "192.0.2.1", method, x_caller=caller)
            await read_to_the_end([client])
            assert (client.status, client.body) == (status, UNREAD if status == 429 else LARGE)

        await read_to_the_end(held)
        assert {client.body for client in held} == {LARGE}
        assert not asgi.stalls.are_too_many("alice", "192.0.2.1")

    asyncio.run(play())


@pytest.mark.usefixtures("_at_once")
def test_many_people_of_one_address_leave_a_bounded_number_unread() -> None:
    async def play() -> None:
        asgi = served(answering(LARGE))
        held = [
            Client(asgi, "192.0.2.1", x_caller=f"user {number}")
            for number in range(MAX_OF_AN_ADDRESS)
        ]
        for client in held:
            client.reads_head()
        await until(lambda: asgi.stalls.are_too_many("somebody", "192.0.2.1"))
        for address, caller, status in (
            ("192.0.2.1", "somebody", 429),
            ("192.0.2.1", "", 200),
            ("192.0.2.2", "somebody", 200),
        ):
            client = Client(asgi, address, x_caller=caller)
            await read_to_the_end([client])
            assert client.status == status
        await read_to_the_end(held)

    asyncio.run(play())


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("body", "caller"), [(b"small", "alice"), (LARGE, "")])
def test_small_answers_and_those_for_everybody_are_not_counted(body: bytes, caller: str) -> None:
    async def play() -> None:
        asgi = served(answering(body))
        held = [Client(asgi, "192.0.2.1", x_caller=caller) for _ in range(2 * MAX_OF_AN_ADDRESS)]
        for client in held:
            client.reads_head()
        await until(lambda: all(len(client.sent) == 2 for client in held))
        assert not asgi.stalls.are_too_many(caller, "192.0.2.1")
        await read_to_the_end(held)

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

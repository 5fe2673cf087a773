"""How much of bodies is kept, whose they are, and how long they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from pytest_django import Settings

from templatesvc.api.exceptions import PayloadTooLarge, TooManyBodies
from templatesvc.server.incoming import IN_MEMORY, SLOWEST, Body, Pace, Shares
from templatesvc.settings import _networks

LARGEST = 10 * IN_MEMORY
TOKEN = {"HTTP_AUTHORIZATION": "Bearer aaa.bbb.ccc"}
COOKIE = {"HTTP_COOKIE": f"a=b; {settings.SESSION_COOKIE_NAME}=c"}
SILENCE = 20


def body_of(sizes: Sequence[int], shares: Shares | None = None, **environ: Any) -> Body:
    """Return a chunked body that came in parts of these sizes."""
    parts = iter([*(b"x" * size for size in sizes), b""])
    left = len(sizes)

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": next(parts), "more_body": left > 0}

    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "REMOTE_ADDR": "192.0.2.1"} | environ
    body = Body(environ, receive, LARGEST, shares or Shares(8 * LARGEST))
    asyncio.run(body.read(SILENCE))
    return body


@pytest.mark.parametrize("environ", [{}, TOKEN, COOKIE])
@pytest.mark.parametrize("sizes", [[1], [IN_MEMORY], [10, 20, 30]])
def test_everybodys_small_body_is_kept(sizes: list[int], environ: dict[str, str]) -> None:
    shares = Shares(0)
    body = body_of(sizes, shares, **environ)
    assert body.stream.read() == b"x" * sum(sizes)
    assert (body.refused, shares.held) == (None, {})


@pytest.mark.parametrize("environ", [TOKEN, COOKIE])
@pytest.mark.parametrize("sizes", [[IN_MEMORY + 1], [IN_MEMORY, 1, 2], [1, 2, 3 * IN_MEMORY]])
def test_a_large_body_is_kept_of_who_seems_to_be_logged_in(
    sizes: list[int], environ: dict[str, str]
) -> None:
    shares = Shares(LARGEST)
    with body_of(sizes, shares, **environ) as body:
        assert body.stream.read() == b"x" * sum(sizes)
        assert shares.held == {"192.0.2.1": sum(sizes)}
    assert shares.held == {}


STRANGERS = ["", "Bearer", "Bearer x", "Bearer a b", "Basic a.b.c", "Bearer a.b.c, Bearer a.b.c"]


@pytest.mark.parametrize("authorization", STRANGERS)
@pytest.mark.parametrize("sizes", [[IN_MEMORY + 1], [1, IN_MEMORY], [100] * 10_000])
def test_nothing_of_a_large_body_of_a_stranger_is_kept(
    sizes: list[int], authorization: str
) -> None:
    shares = Shares(LARGEST)
    body = body_of(sizes, shares, HTTP_AUTHORIZATION=authorization, HTTP_COOKIE="csrftoken=x")
    assert (body.file.closed, shares.held) == (True, {})
    assert isinstance(body.refused, PayloadTooLarge) == (sum(sizes) > LARGEST)
    with pytest.raises(RequestDataTooBig):
        body.stream.read(10)


def test_the_large_bodies_of_one_address_share_what_there_is() -> None:
    shares, sizes = Shares(3 * LARGEST // 2), [IN_MEMORY] * 10
    with body_of(sizes, shares, **TOKEN) as first:
        assert first.refused is None
        with body_of(sizes, shares, **TOKEN) as second:
            assert isinstance(second.refused, TooManyBodies)
        with body_of(sizes, shares, REMOTE_ADDR="192.0.2.2", **TOKEN) as others:
            assert others.refused is None
        first.close()
    with body_of(sizes, shares, **TOKEN) as third:
        assert third.refused is None
    assert shares.held == {}


def test_behind_a_trusted_proxy_an_address_is_the_clients(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = _networks("192.0.2.1")
    shares = Shares(LARGEST)
    clients = ["2001:db8::1", "2001:db8:0:1::1", "192.0.2.2", "2001:db8:0:1:8::"]
    with ExitStack() as stack:
        bodies = [
            stack.enter_context(body_of([LARGEST], shares, HTTP_X_FORWARDED_FOR=client, **TOKEN))
            for client in clients
        ]
        assert [bool(body.refused) for body in bodies] == [False, False, False, True]


def test_whose_address_is_not_known_shares_with_nobody() -> None:
    """As behind a proxy that connects by a Unix socket."""
    shares = Shares(LARGEST)
    with ExitStack() as stack:
        for _ in range(3):
            body = stack.enter_context(body_of([LARGEST], shares, REMOTE_ADDR="", **TOKEN))
            assert body.refused is None


def test_a_trusted_proxy_that_names_no_client_has_no_limit(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = _networks("192.0.2.1")
    shares = Shares(LARGEST)
    with ExitStack() as stack:
        for _ in range(3):
            body = stack.enter_context(body_of([LARGEST], shares, **TOKEN))
            assert body.refused is None
    assert shares.held == {}


# --- The pace -------------------------------------------------------------------------------------


def seconds_kept_open(size: int, at_a_time: int, each: float, most: float) -> float:
    """Return how long a body stays open that brings its bytes in such parts."""
    pace, moment = Pace(SILENCE, 0), 0.0
    while size > 0 and moment < most:
        moment += each
        if moment > pace.due:
            return pace.due
        pace.came(at_a_time, moment)
        size -= at_a_time
    return moment


@pytest.mark.parametrize(("at_a_time", "each"), [(8192, 1), (8192 * 15, 15), (1460, 0.2)])
def test_a_slow_line_brings_the_largest_body(at_a_time: int, each: float) -> None:
    size = 10 * 2**20
    assert seconds_kept_open(size, at_a_time, each, 1e9) >= size / at_a_time * each - each


def test_a_body_that_trickles_ends() -> None:
    assert seconds_kept_open(10**6, 1, 1, 1e9) <= SILENCE + 1
    assert seconds_kept_open(10**6, SLOWEST // 2, 1, 1e9) <= 2 * SILENCE


def test_nobody_saves_up_time_by_sending_much_at_first() -> None:
    pace = Pace(SILENCE, 0)
    pace.came(9 * 2**20, 1)
    assert pace.due == 1 + SILENCE

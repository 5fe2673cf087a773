"""The socket of a connection to the store, beside what Python's own does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from pymongo.network_layer import NetworkingInterface

from templatesvc.mongo import store
from templatesvc.mongo.sockets import READ_SIZE, PolledSocket
from tests.processes import PATIENCE

LARGE = bytes(range(256)) * 40_000  # more than the system keeps for who does not read


@pytest.fixture
def ends() -> Iterator[tuple[PolledSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(PATIENCE)
        theirs.settimeout(PATIENCE)
        yield PolledSocket(NetworkingInterface(ours)), theirs


def read(polled: PolledSocket, size: int) -> bytes:
    """Read so many bytes, as PyMongo does."""
    buffer = memoryview(bytearray(size))
    done = 0
    while done < size:
        came = polled.recv_into(buffer[done:])
        assert came
        done += came
    return bytes(buffer)


def test_it_has_the_timeout_of_the_connection_that_was_made(
    ends: tuple[PolledSocket, socket.socket],
) -> None:
    assert ends[0].gettimeout() == PATIENCE


@pytest.mark.parametrize("sizes", [(1, 15, 84), (16, 84), (100,), (16, READ_SIZE + 7, 5)])
def test_what_comes_is_read_in_any_pieces(
    sizes: tuple[int, ...], ends: tuple[PolledSocket, socket.socket]
) -> None:
    polled, theirs = ends
    sent = LARGE[: sum(sizes)]
    theirs.sendall(sent)
    assert b"".join(read(polled, size) for size in sizes) == sent


def test_what_comes_bit_by_bit_is_waited_for(ends: tuple[PolledSocket, socket.socket]) -> None:
    polled, theirs = ends
    bits = threading.Thread(target=lambda: [theirs.sendall(LARGE[n : n + 1]) for n in range(300)])
    bits.start()
    assert read(polled, 300) == LARGE[:300]
    bits.join()


def test_a_large_message_is_sent_and_read_whole(ends: tuple[PolledSocket, socket.socket]) -> None:
    polled, theirs = ends
    echo = threading.Thread(target=lambda: theirs.sendall(theirs.makefile("rb").read(len(LARGE))))
    echo.start()
    polled.sendall(LARGE)
    assert read(polled, len(LARGE)) == LARGE
    echo.join()


@pytest.mark.parametrize(("timeout", "error"), [(0.01, TimeoutError), (0, BlockingIOError)])
def test_nobody_waits_longer_than_the_timeout(
    timeout: float, error: type[OSError], ends: tuple[PolledSocket, socket.socket]
) -> None:
    polled, _ = ends
    polled.settimeout(timeout)
    with pytest.raises(error):
        read(polled, 1)
    with pytest.raises(error):
        polled.sendall(LARGE)


def test_without_a_timeout_it_waits(ends: tuple[PolledSocket, socket.socket]) -> None:
    polled, theirs = ends
    polled.settimeout(None)
    threading.Timer(0.01, theirs.sendall, [b"x"]).start()
    assert read(polled, 1) == b"x"


def test_the_end_is_told(ends: tuple[PolledSocket, socket.socket]) -> None:
    polled, theirs = ends
    theirs.sendall(b"x")
    theirs.close()
    assert read(polled, 1) == b"x"
    assert polled.recv_into(memoryview(bytearray(1))) == 0
    with pytest.raises(OSError, match="Broken pipe"):
        polled.sendall(b"x")


@pytest.mark.wire
def test_operations_have_it() -> None:
    database = store.database()
    database.command("ping")
    (server,) = database.client._topology._servers.values()
    kinds = {type(connection.conn) for connection in server.pool.conns}
    assert kinds == {PolledSocket}

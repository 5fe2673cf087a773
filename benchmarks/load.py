"""The load generator: wrk if it is installed, or else threads of Python with keep-alive."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

CONNECTIONS = 4
CLOSE = b"\r\nConnection: close"  # in a request, which then has a connection of its own
SCRIPT = Path(__file__).with_name("replay.lua")
NAME = "wrk" if shutil.which("wrk") else "Python threads"


class Load(NamedTuple):
    """What a service answered in a while: the rate, latencies in milliseconds, and refusals."""

    rate: float
    p50: float
    p99: float
    requests: int
    refused: int  # answers of 400 and above


def drive(
    port: int,
    requests: list[bytes],
    seconds: float,
    connections: int = CONNECTIONS,
    once: bool = False,
) -> Load:
    """Send the requests over some connections for some seconds.

    When it is through it begins anew or, if each is to be sent only ``once``, ends.
    """
    if NAME == "wrk":
        return _wrk(port, requests, seconds, connections, once)
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        parts = [requests[n::connections] for n in range(connections)]
        sent = pool.map(lambda part: list(_timed(port, part, seconds, once)), parts)
        answered = [one for each in sent for one in each]
    return _summed(answered, time.perf_counter() - started)


def drive_one_by_one(port: int, requests: list[bytes]) -> Load:
    """Send each request once, on one connection, the next when the last is answered."""
    started = time.perf_counter()
    answered = list(_timed(port, requests, float("inf"), once=True))
    return _summed(answered, time.perf_counter() - started)


def _wrk(port: int, requests: list[bytes], seconds: float, connections: int, once: bool) -> Load:
    with tempfile.NamedTemporaryFile() as file:
        for request in requests:
            file.write(b"%d\n%s" % (len(request), request))
        file.flush()
        # One thread, so that the requests leave in their order.
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--timeout", "120s"]
        command += ["--duration", f"{seconds:g}s", "--script", str(SCRIPT)]
        ran = subprocess.run(
            [*command, f"http://127.0.0.1:{port}/"],
            env=os.environ | {"REQUESTS": file.name} | ({"ONCE": str(connections)} if once else {}),
            capture_output=True,
            text=True,
            check=True,
        )
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("RESULT")]
    count, duration, refused, failed, p50, p99 = map(float, line.split()[1:])
    if failed:
        raise ConnectionError(f"{failed:g} requests were not answered.\n{ran.stdout}")
    return Load(count / (duration / 1e6), p50 / 1e3, p99 / 1e3, int(count), int(refused))


def _timed(
    port: int, requests: list[bytes], seconds: float, once: bool
) -> Iterator[tuple[float, int]]:
    """Yield the latency and the status of each request that is sent on a connection."""
    end = time.perf_counter() + seconds
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for request in requests if once else cycle(requests):
        started = time.perf_counter()
        if started > end:
            break
        if connection.sock is None:  # at first, and after each answer that closes it
            connection.connect()
        connection.sock.sendall(request)
        response = http.client.HTTPResponse(connection.sock)
        response.begin()
        response.read()
        if response.will_close or CLOSE in request:
            connection.close()
        yield time.perf_counter() - started, response.status
    connection.close()


def _summed(answered: list[tuple[float, int]], seconds: float) -> Load:
    times = sorted(1e3 * latency for latency, _ in answered)
    refused = sum(status >= 400 for _, status in answered)
    last = len(times) - 1
    return Load(
        len(times) / seconds, times[last // 2], times[round(last * 0.99)], len(times), refused
    )

"""What clients do to a running service that hold on to it, or whose answers break off: how
``/livez`` answers, memory, and who is closed.

    python -m benchmarks.hostile [--clients 200] [--patience 90]

It starts the service on a store in memory as it ships, with one worker, or with ``--before`` in
another checkout. Each kind of client connects in turn; while all of them hold on, ``/livez`` is
asked ten times. Then it waits until the service has closed them.
"""

from __future__ import annotations

import argparse
import select
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tests.processes import ROOT, Service

HOST = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
SETTLING = 8  # seconds, for the answers that fit into the sockets to be written
KINDS = {
    "half request lines": "GET /live",
    "bodies that never come": f"POST /create HTTP/1.1\r\n{HOST}Content-Length: 1000\r\n\r\n",
    # Of 1.4 MB each: together far more than the sockets of both sides take.
    "unread answers": f"GET {LARGE} HTTP/1.1\r\n{HOST}\r\n" * 8,
    # They are read to the end, which is no last chunk.
    "streams that fail midway": f"GET /cut HTTP/1.1\r\n{HOST}\r\n",
}
# The application that serves a kind, where it is not the service alone.
APPLICATIONS = {"streams that fail midway": ("tests.streams:failing",)}
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Row(NamedTuple):
    """What a kind of client did."""

    kind: str
    answered: int
    slowest: float
    megabytes: float
    closed_after: float | None

    def __str__(self) -> str:
        closed = "no" if self.closed_after is None else f"after {self.closed_after:.0f} s"
        return (
            f"| {self.kind} | {self.answered} of 10 | {self.slowest:.2f} s "
            f"| {self.megabytes:.0f} MB | {closed} |"
        )


def connect(port: int, sent: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(sent.encode())
    return client


def ask(service: Service) -> float | None:
    """Return the seconds until ``/livez`` answered; None if it did not within ten."""
    started = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", service.port), 10) as client:
            client.settimeout(10)
            client.sendall(f"GET /livez HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode())
            answer = client.recv(64)
    except OSError:
        return None
    return time.monotonic() - started if b" 200 " in answer else None


def memory(service: Service) -> float:
    """Return the resident megabytes of the worker."""
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    status = "".join(Path(f"/proc/{pid}/status").read_text() for pid in children)
    return sum(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1024


def seconds_until_closed(
    held: list[socket.socket], started: float, patience: float
) -> float | None:
    """Wait for the end of the last connection, without reading what it has for us."""
    poller = select.poll()
    for client in held:
        # POLLRDHUP is told even if there is something left to read.
        poller.register(client, select.POLLRDHUP)
    left = len(held)
    while left and time.monotonic() < started + patience:
        for number, _ in poller.poll(500):
            poller.unregister(number)
            left -= 1
    return None if left else time.monotonic() - started


def rest(client: socket.socket) -> bytes:
    """Return what the service has sent, until it closed."""
    read = b""
    with suppress(ConnectionError):
        while part := client.recv(65536):
            read += part
    return read


def measure(service: Service, kind: str, clients: int, patience: float) -> Row:
    started = time.monotonic()
    held = [connect(service.port, KINDS[kind]) for _ in range(clients)]
    time.sleep(SETTLING)
    times = [ask(service) for _ in range(10)]
    answered = [each for each in times if each is not None]
    megabytes = memory(service)
    if kind in APPLICATIONS:
        for client in held:
            assert not rest(client).endswith(LAST_CHUNK), "A stream that failed looks whole."
    closed = seconds_until_closed(held, started, patience)
    for client in held:
        client.close()
    return Row(kind, len(answered), max(answered, default=float("nan")), megabytes, closed)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--patience", type=float, default=90, help="seconds to wait for the end")
    parser.add_argument("--before", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("command", nargs="*", help="the arguments for its Python")
    arguments = parser.parse_args()
    print("| clients | `/livez` | slowest | memory | closed |\n|---|---|---|---|---|")
    command = tuple(arguments.command) or (
        "-m",
        "gunicorn",
        "--config",
        "python:templatesvc.gunicorn",
    )
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            service = Service(
                Path(folder) / "log",
                command + APPLICATIONS.get(kind, ()),
                arguments.before,
                MONGODB_URI="mongomock://",
                WEB_CONCURRENCY="1",
                ALLOWED_HOSTS="*",
            )
            if arguments.before != ROOT:
                service.command[0] = str(arguments.before / ".venv/bin/python")
            with service:
                print(measure(service, kind, arguments.clients, arguments.patience))
                sys.stdout.flush()


if __name__ == "__main__":
    main()

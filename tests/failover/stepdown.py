"""The drill on a replica set that is there, whose primary steps down under writes.

What the proxies can't show: that nothing acknowledged is lost when another member takes over. The
set's members must be reached from here by the names that it knows them by.

    python -m tests.failover.stepdown 'mongodb://127.0.0.1:27101/?replicaSet=rs0'
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.failover.__main__ import is_in_order
from tests.failover.drill import HEADINGS, Row, Stage, play
from tests.processes import wait_for

FAULT = "the primary steps down"
WRITES = ("create", "create once", "change", "delete", "refresh")
STANDS_BACK = 10  # seconds in which who stepped down is not elected again
# So many must have been tried in a run that is to show something.
LEAST_WRITES = 200


class Members:
    """The members of a replica set, asked through a database of this run's own."""

    def __init__(self, uri: str) -> None:
        self.uri = urlsplit(uri)._replace(path=f"/drill_{os.getpid()}").geturl()
        self.client = MongoClient[dict[str, Any]](self.uri)
        self.not_majority: list[Any] = []  # a listener of the other drill sees to that

    @property
    def primary(self) -> str:
        """Where the primary is; empty while there is none."""
        with suppress(PyMongoError):
            return str(self.client.admin.command("hello")["me"])
        return ""

    @property
    def connections(self) -> int:
        """How many connections the primary has."""
        return int(self.client.admin.command("serverStatus")["connections"]["current"])

    def step_down(self) -> float:
        """Have the primary step down; return when there was another."""
        before = self.primary
        with suppress(PyMongoError):  # its connections break
            self.client.admin.command("replSetStepDown", STANDS_BACK)
        wait_for(lambda: self.primary not in ("", before), "another primary is elected")
        return time.monotonic()


class RealStage(Stage):
    """Machines that serve on a replica set which is there."""

    faults: ClassVar = {FAULT: Members.step_down}

    def __init__(self, folder: Path, workers: int, uri: str) -> None:
        super().__init__(folder, workers)
        self.uri = uri

    @contextmanager
    def members(self) -> Iterator[Members]:
        members = Members(self.uri)
        with members.client as client:
            yield members
            client.drop_database(client.get_default_database().name)


def writes(row: Row) -> int:
    return sum(row.tally.kinds[kind] for kind in WRITES)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover.stepdown")
    parser.add_argument("uri", help="of the replica set; its databases are left alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often the primary steps down")
    parser.add_argument("--rate", type=float, default=100, help="requests a second")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage = RealStage(Path(folder), given.workers, given.uri)
        row = play(FAULT, stage, given.rate, given.rounds)
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n| {' | '.join(row.cells())} |")
    print(f"{writes(row)} of them were writes: {dict(row.tally.kinds)}")
    if writes(row) < LEAST_WRITES:
        print(f"That is too few to show anything: {LEAST_WRITES} are needed.", file=sys.stderr)
        return 1
    return 0 if is_in_order(row) else 1


if __name__ == "__main__":
    sys.exit(main())

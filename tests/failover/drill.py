"""The drill: each fault under load, and the row of the table that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pymongo import MongoClient

from accounts.limits import Limit
from tests.failover.people import Crowd, Person, Probe, Tally
from tests.failover.replica_set import ReplicaSet
from tests.processes import KEY, MongoServer, Service, manage

MEMBERS = 3
CALM = 2.0  # seconds of load before a fault and after it
SETTLING = 1.0  # seconds that connections have to be closed


@dataclass
class Row:
    """What one fault has brought about."""

    fault: str
    tally: Tally
    resumed: float = 0.0  # seconds from the new primary to the last request refused
    livez: float = 0.0  # the longest wait for /livez
    deaf: int = 0  # probes of /livez that failed
    connections: int = 0  # left open to the replica set

    def add(self, other: Row) -> None:
        """Take in another round of the same fault."""
        mine, theirs = self.tally, other.tally
        for name in ("sent", "unavailable", "broken", "errors", "wrong", "kinds"):
            setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
        mine.longest = max(mine.longest, theirs.longest)
        self.resumed, self.livez = max(self.resumed, other.resumed), max(self.livez, other.livez)
        self.deaf += other.deaf
        self.connections = max(self.connections, other.connections)

    def cells(self) -> list[str]:
        tally = self.tally
        return [
            self.fault,
            *(str(n) for n in (tally.sent, tally.answered, tally.unavailable)),
            *(f"{seconds:.1f} s" for seconds in (tally.longest, self.resumed, self.livez)),
            *(str(n) for n in (self.connections, len(tally.wrong), len(tally.errors))),
        ]


HEADINGS = [
    *("fault", "sent", "answered", "503", "longest wait", "work resumed after"),
    *("longest `/livez`", "connections", "lost or doubled", "500 or none"),
]

# --- The faults: each ends with a primary that has been there for no time, and says since when ----

Fault = Callable[[ReplicaSet], float]


def election(seconds: float) -> Fault:
    """The primary steps down; another is elected after so long."""

    def happens(members: ReplicaSet) -> float:
        successor = members.secondaries[0]
        members.elect(None)
        time.sleep(seconds)
        members.elect(successor)
        return time.monotonic()

    return happens


def primary_vanishes(members: ReplicaSet) -> float:
    """The primary's machine is gone; another is elected; it comes back."""
    gone, successor = members.primary, members.secondaries[0]
    assert gone
    gone.vanish()
    members.elect(None)
    time.sleep(5)
    members.elect(successor)
    since = time.monotonic()
    time.sleep(2)
    gone.come_back()
    return since


def primary_hangs(members: ReplicaSet) -> float:
    """The primary answers nothing any more and closes nothing; another is elected after 5 s."""
    stuck, successor = members.primary, members.secondaries[0]
    assert stuck
    members.hang(stuck)
    time.sleep(5)
    members.elect(successor)
    since = time.monotonic()
    time.sleep(2)
    members.hang(stuck, False)
    return since


def secondary_vanishes(members: ReplicaSet) -> float:
    gone = members.secondaries[0]
    gone.vanish()
    time.sleep(3)
    gone.come_back()
    return time.monotonic()


def answers_are_lost(members: ReplicaSet) -> float:
    """Each fifth write is done, and its connection cut before the answer."""
    with members.losing(every=5):
        time.sleep(5)
    return time.monotonic()


def majority_is_late(members: ReplicaSet) -> float:
    """Each fifth write is done and not confirmed in time (``wtimeout``)."""
    with members.not_confirming(every=5):
        time.sleep(5)
    return time.monotonic()


def rolling_restart(members: ReplicaSet) -> float:
    """Each member in turn is away for two seconds, the primary last and after stepping down."""
    primary, secondaries = members.primary, members.secondaries
    assert primary
    since = 0.0
    for member in [*secondaries, primary]:
        if member is primary:
            members.elect(None)
            time.sleep(1)
            members.elect(secondaries[0])
            since = time.monotonic()
        member.vanish()
        time.sleep(2)
        member.come_back()
    return since


FAULTS: dict[str, Fault] = {
    "election of 5 s": election(5),
    "election of 12 s": election(12),
    "the primary vanishes": primary_vanishes,
    "the primary hangs": primary_hangs,
    "a secondary vanishes": secondary_vanishes,
    "answers to writes are lost": answers_are_lost,
    "`wtimeout`": majority_is_late,
    "rolling restart": rolling_restart,
    "clocks 20 s apart, and an election of 5 s": election(5),
}
# How far the clock of each machine is off.
CLOCKS: dict[str, list[int]] = {"clocks 20 s apart, and an election of 5 s": [-10, 10]}

# --- The stage ------------------------------------------------------------------------------------

SHIFT = """
import datetime, os
import time_machine
ahead = datetime.timedelta(seconds=int(os.environ["TESTS_CLOCK_AHEAD"]))
time_machine.travel(datetime.datetime.now(datetime.UTC) + ahead, tick=True).start()
"""


class Stage:
    """A replica set, and machines that serve on it."""

    faults: ClassVar = FAULTS

    def __init__(self, folder: Path, workers: int, clocks: list[int] | None = None) -> None:
        self.folder = folder
        self.workers = workers
        self.clocks = clocks or [0]

    @contextmanager
    def members(self) -> Iterator[Any]:
        with MongoServer(self.folder / "data") as server, ReplicaSet(server.port, MEMBERS) as them:
            yield them

    @contextmanager
    def set_up(self) -> Iterator[tuple[Any, list[Service]]]:
        with ExitStack() as stack:
            members = stack.enter_context(self.members())
            ran = manage("ensureindexes", MONGODB_URI=members.uri, SECRET_KEY=KEY)
            assert ran.returncode == 0, ran.stderr
            services = [
                stack.enter_context(self._service(members.uri, number, ahead))
                for number, ahead in enumerate(self.clocks)
            ]
            yield members, services

    def _service(self, uri: str, number: int, ahead: int) -> Service:
        given = {
            "MONGODB_URI": uri,
            "WEB_CONCURRENCY": str(self.workers),
            "REGISTRATION_LIMIT": "off",
            "LOGIN_LIMIT_PER_ADDRESS": "off",
            "LOGIN_LIMIT_PER_USER": "100000/1h",
            "SUCCESSFUL_LOGIN_LIMIT": "off",
        }
        if ahead:
            shifted = self.folder / f"shifted-{number}"
            shifted.mkdir()
            (shifted / "sitecustomize.py").write_text(SHIFT)
            given |= {"PYTHONPATH": f"{shifted}", "TESTS_CLOCK_AHEAD": f"{ahead}"}
        return Service(self.folder / f"service-{number}.log", **given)


def play(fault: str, stage: Stage, rate: float, rounds: int = 1) -> Row:
    """Play one fault so many times under so many requests a second; return its row."""
    with stage.set_up() as (members, services):
        people = _people(max(8, round(rate / 4)), services)
        total = Row(fault, Tally())
        for _ in range(rounds):
            total.add(_round(fault, stage.faults[fault], members, services, people, rate))
        for person in people:
            person.list_all()  # what was acknowledged last was not looked at yet
        total.tally.wrong += _miscounted(people, members)
        total.tally.wrong += [f"w is not majority: {write}" for write in members.not_majority]
    return total


def _people(number: int, services: list[Service]) -> list[Person]:
    people = [Person(f"person {n}", services, Tally()) for n in range(number)]
    for person in people:
        body = {"username": person.name, "password": "wonderland-1"}
        assert services[0].post("/api/v1/users", body).status == 201
        person.begin()
    return people


def _round(
    name: str,
    fault: Callable[[Any], float],
    members: Any,
    services: list[Service],
    people: list[Person],
    rate: float,
) -> Row:
    row = Row(name, Tally())
    for person in people:
        person.tally = row.tally
    with Probe(services) as probe, Crowd(people, rate):
        time.sleep(CALM)
        since = fault(members)
        time.sleep(CALM)
    time.sleep(SETTLING)
    row.resumed = max(0.0, row.tally.last_refused - since)
    row.livez, row.deaf = probe.longest, len(probe.failures)
    row.connections = members.connections
    row.tally.errors += [f"/livez: {failure}" for failure in probe.failures]
    return row


def _miscounted(people: list[Person], members: Any) -> Iterator[str]:
    """Yield whose failed log-ins the service has counted otherwise than they happened."""
    with MongoClient[dict[str, Any]](members.uri) as client:
        attempts = client.get_default_database()["attempts"]
        for person in people:
            key = Limit.of("login-user", person.name, None).key
            found = attempts.find_one({"_id": key})
            counted = found["count"] if found else 0
            surely, perhaps = person.failed
            if not surely <= counted <= surely + perhaps:
                yield f"{person.name} failed {surely} to {surely + perhaps} times, not {counted}"

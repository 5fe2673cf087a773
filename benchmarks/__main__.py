"""Compare the service with the Flask service and with its limit; see ``--help``."""

from __future__ import annotations

import argparse
import os
import random
import time
from pathlib import Path
from typing import NamedTuple

from argon2.low_level import Type, hash_secret
from bson import ObjectId

from benchmarks import load, report
from benchmarks.fill import PASSWORD, Size, fill
from benchmarks.routes import HASHING, LIST, ROUTES, Person, Route, some
from benchmarks.servers import Contender, Servers, store
from tests.processes import ORIGINAL

PEOPLE = 100
# More than any service here answers in a second, so that no request is sent twice.
MOST_A_SECOND = 3000
ONE_BY_ONE = 20
END = b"\r\n\r\n"  # of a request's head


class Plan(NamedTuple):
    """What to measure, and how long."""

    sizes: list[Size]
    rounds: int
    seconds: int
    patience: int  # seconds for the Flask service where it scans a large collection
    memory: list[int]  # after how many requests in all


SMALL = Size(users=100, each=10)
LARGE = Size(users=100_000, each=10)
QUICK = Plan([SMALL], rounds=2, seconds=1, patience=1, memory=[1000, 2000])
FULL = Plan([SMALL, LARGE], rounds=5, seconds=3, patience=10, memory=[10_000, 100_000])


def main() -> None:
    arguments = parsed()
    plan = QUICK if arguments.quick else FULL
    if arguments.small:
        plan = plan._replace(sizes=[SMALL], memory=[])
    plan = plan._replace(rounds=arguments.rounds or plan.rounds)
    flask = arguments.flask
    results = report.Results(plan.rounds, plan.seconds, flask)
    with store() as uri:
        for size in plan.sizes:
            # A prefix of this process's own: nothing that is there already is touched.
            with Servers(uri, f"bench{os.getpid()}_", arguments.workers, flask) as servers:
                measure(servers, size, plan, results)
                if size == SMALL:
                    measure_workers(servers, plan, results)
                    measure_memory(servers, plan, results)
                results.store = str(servers.client.server_info()["version"])
    text = results.text()
    print(text)
    if not arguments.quick:
        arguments.out.write_text(text)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes, and no file is written")
    parser.add_argument("--small", action="store_true", help="only the small size")
    parser.add_argument(
        "--flask", type=Path, default=ORIGINAL, help="the Flask service, if not the stand-in"
    )
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--workers", type=int, default=1, help="of each service (1)")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"))
    return parser.parse_args()


def measure(servers: Servers, size: Size, plan: Plan, results: report.Results) -> None:
    """Drive each service by each route in turn, round by round."""
    say(f"Filling databases with {size}")
    servers.build_indexes()
    fill(servers.database("ours"), size, is_flasks=False)
    fill(servers.database("flasks"), size, is_flasks=True)
    contenders = [servers.ours(), servers.limit(), servers.flask_alike()]
    if size == SMALL:
        # Where it scans the collection its server makes no difference.
        contenders.append(servers.flask_as_usual())
    people: dict[str, list[Person]] = {}
    for contender in contenders:
        # The bare function reads the sessions of this service.
        of = contenders[0] if contender.is_limit else contender
        people[contender.name] = people.get(of.name) or logged_in(of, size)
    for number in range(plan.rounds):
        say(f"{size}, round {number + 1} of {plan.rounds}")
        for route in ROUTES:
            for contender in random.sample(contenders, len(contenders)):
                if is_there(route, contender):
                    slow = contender.is_flasks and size == LARGE
                    seconds = plan.patience if slow else plan.seconds
                    measured = drive(contender, route, people[contender.name], seconds)
                    results.add(str(size), route.name, contender.name, measured)
        for route in HASHING:
            for contender in (contenders[0], contenders[2]):
                bare = hash_milliseconds()
                measured = one_by_one(contender, route, people[contender.name])
                results.add(str(size), route.name, contender.name, measured)
                results.hashes.append(bare)
                if contender is contenders[0]:
                    results.by_hash(str(size), route.name, measured.p50 / bare)


def is_there(route: Route, contender: Contender) -> bool:
    return not (contender.is_flasks and route.only_new) and not (
        contender.is_limit and not route.is_read
    )


def logged_in(contender: Contender, size: Size) -> list[Person]:
    """Log people in, from all over the collection."""
    names = list(size.names())[:: max(1, size.users // PEOPLE)][:PEOPLE]
    found = []
    for name in names:
        answer = contender.service.post("/api/v1/login", {"username": name, "password": PASSWORD})
        assert answer.status == 200, answer
        found.append(Person(name, answer.json["access_token"]))
    return found


def drive(
    contender: Contender,
    route: Route,
    people: list[Person],
    seconds: int,
    connections: int = load.CONNECTIONS,
    closing: bool = False,
) -> load.Load:
    """Measure one route of one service; leave the collections as they were."""
    began = ObjectId()
    writes = not route.is_read
    most = min(route.most, MOST_A_SECOND * seconds) if writes else PEOPLE
    requests = some(route.make(contender, people, f"t{time.time_ns()}"), most)
    if closing:
        requests = [one.replace(END, load.CLOSE + END, 1) for one in requests]
    port = contender.service.port
    measured = load.drive(port, requests, seconds, connections, once=writes)
    refused = 0 if contender.is_flasks and route.succeeds_with_404 else measured.refused
    # Neighbours on two connections may overtake each other where one undoes the other's state.
    assert refused <= max(4, measured.requests // 50), (contender.name, route.name, measured)
    tidy(contender, began)
    return measured


def one_by_one(contender: Contender, route: Route, people: list[Person]) -> load.Load:
    """Measure a route that hashes a password, on one connection."""
    requests = some(route.make(contender, people, f"u{time.time_ns()}"), ONE_BY_ONE)
    measured = load.drive_one_by_one(contender.service.port, requests)
    assert measured.refused == 0, (contender.name, route.name, measured)
    # Registrations from one address are limited; each round begins as the first one did.
    contender.database.attempts.delete_many({})
    contender.database.users.delete_many({"username": {"$gte": "u1", "$lt": "u9"}})
    return measured


def tidy(contender: Contender, began: ObjectId) -> None:
    contender.database.templates.delete_many({"_id": {"$gt": began}})
    contender.database.template_versions.delete_many({})


def hash_milliseconds() -> float:
    """Return how long one Argon2id hash takes as the service computes it: the median of some."""
    times = []
    for _ in range(ONE_BY_ONE):
        started = time.perf_counter()
        hash_secret(PASSWORD.encode(), os.urandom(16), 2, 19456, 1, 32, Type.ID)
        times.append(1e3 * (time.perf_counter() - started))
    return sorted(times)[len(times) // 2]


def measure_workers(servers: Servers, plan: Plan, results: report.Results) -> None:
    """Set two workers against one."""
    one, two = servers.ours(workers=1), servers.ours(workers=2)
    people = logged_in(one, SMALL)
    (route,) = [route for route in ROUTES if route.name == LIST]
    for number in range(plan.rounds):
        say(f"workers, round {number + 1} of {plan.rounds}")
        rates = [
            # Which worker takes a connection is chance, so each request has one of its own.
            drive(contender, route, people, plan.seconds, connections=8, closing=True).rate
            for contender in (one, two)
        ]
        results.workers.append((rates[0], rates[1]))


def measure_memory(servers: Servers, plan: Plan, results: report.Results) -> None:
    """Note the memory of a new worker as requests go by."""
    contender = servers.ours(workers=1)
    people, done = logged_in(contender, SMALL), 0
    routes = [route for route in ROUTES if route.name in (LIST, "POST /create", "GET /get")]
    for most in plan.memory:
        say(f"memory, after {most:,} requests")
        while done < most:
            for route in routes:
                done += drive(contender, route, people, 2).requests
        results.memory.append((done, max(contender.megabytes())))


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    main()

"""Race this service with its peers on the same work; see ``--help``.

All have one worker, the same data and the same indexes, each in a database of its own, and take the
tokens of a hundred people in turn.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import django
import jwt
from bson import ObjectId
from pymongo import IndexModel

from benchmarks import load
from benchmarks.fill import Size, fill
from benchmarks.report import spread_of
from benchmarks.routes import Person, request, some
from benchmarks.servers import PRODUCTION, AtRoot, Contender, Servers, python_with, store
from templatesvc.mongo.clock import now
from tests.processes import KEY, ORIGINAL, ROOT

SIZE = Size(users=100, each=10)
CONNECTIONS = 8
MOST = 6000  # requests of a round that write
INDEXES = [
    IndexModel([("profile", 1), ("template", 1)], unique=True),
    IndexModel([("profile", 1), ("_id", -1)]),
]
HERE = Path(__file__).parent
GRANIAN = ("-m", "granian", "--interface", "wsgi", "--workers", "1", "--no-ws")
UVICORN = ("-m", "uvicorn", "--log-level", "warning", "--no-access-log")
TEMPLATES = "/api/v1/templates"
Requests = Iterator[bytes]


class Peer(NamedTuple):
    """Another way to do the work: its folder, how it is started, and what it lacks."""

    name: str
    folder: str
    command: tuple[str, ...]
    lacks: str
    settings: dict[str, str] = {}
    limit: str = "limit"  # what the parameter of a list's length is called
    is_flasks: bool = False


PEERS = [
    Peer("FastAPI + Beanie", "beanie", UVICORN, "sessions that end, conditional writes, history"),
    Peer(
        "the same, which asks for the session",
        "beanie",
        UVICORN,
        "conditional writes, history",
        {"SESSIONS": "1"},
    ),
    Peer("Eve", "eve", GRANIAN, "sessions that end, history", limit="max_results"),
    Peer("DRF on MongoEngine", "drf", GRANIAN, "sessions that end, conditional writes, history"),
    Peer(
        "the Flask service",
        "flask",
        GRANIAN,
        "sessions that end, lists, entity tags, history",
        is_flasks=True,
    ),
]


class Racer(NamedTuple):
    """A service that runs, and who is logged in there."""

    contender: Contender
    people: list[Person]
    limit: str = "limit"
    does: tuple[bool, ...] = (False, True)  # the REST API's work, the Flask service's, or both

    @property
    def name(self) -> str:
        return self.contender.name


# --- The work ------------------------------------------------------------------------------------


def _list(racer: Racer, unique: str) -> Requests:
    return (request("GET", f"{TEMPLATES}?{racer.limit}=10", person) for person in racer.people)


def _one(racer: Racer, unique: str) -> Requests:
    for person in racer.people:
        row = racer.contender.database.templates.find_one({"profile": person.name})
        yield request("GET", f"{TEMPLATES}/{row['_id']}", person)


def _rest_create(racer: Racer, unique: str) -> Requests:
    return _created(racer, TEMPLATES, unique)


def _put(racer: Racer, unique: str) -> Requests:
    for number in count():
        rows = {person: _row(person, f"{unique} {number}") for person in racer.people}
        racer.contender.database.templates.insert_many(rows.values())
        for person, row in rows.items():
            changed = {"template": f"{row['template']}, changed"}
            sent = request("PUT", f"{TEMPLATES}/{row['_id']}", person, changed)
            tag = '"eve"' if racer.limit == "max_results" else etag(row)
            yield sent.replace(b"\r\n", f"\r\nIf-Match: {tag}\r\n".encode(), 1)


def etag(row: dict[str, Any]) -> str:
    """Return this service's entity tag of a row."""
    from templates_app.documents import Template  # Django is set up by now

    tag: str = Template._from_son(row).etag
    return tag


def _get(racer: Racer, unique: str) -> Requests:
    return (request("GET", "/get", person) for person in racer.people)


def _create(racer: Racer, unique: str) -> Requests:
    return _created(racer, "/create", unique)


def _update(racer: Racer, unique: str) -> Requests:
    for number in count():
        rows = [_row(person, f"{unique} {number}") for person in racer.people]
        racer.contender.database.templates.insert_many(rows)
        for person, row in zip(racer.people, rows, strict=True):
            old = row["template"]
            body = {"old_template": old, "new_template": f"{old}, changed"}
            yield request("POST", "/update", person, body)


def _delete(racer: Racer, unique: str) -> Requests:
    for number in count():
        rows = [_row(person, f"{unique} {number}") for person in racer.people]
        racer.contender.database.templates.insert_many(rows)
        for person, row in zip(racer.people, rows, strict=True):
            yield request("POST", "/delete", person, {"template": row["template"]})


def _created(racer: Racer, path: str, unique: str) -> Requests:
    for number in count():
        for person in racer.people:
            yield request("POST", path, person, {"template": f"{unique} {number}"})


def _row(person: Person, value: str) -> dict[str, Any]:
    moment = now()
    times = {"version": 1, "created_at": moment, "updated_at": moment}
    # Eve compares with the tag that it stored.
    return {"_id": ObjectId(), "profile": person.name, "template": value, **times, "_etag": "eve"}


class Work(NamedTuple):
    """A route: ``make`` yields requests without end, given a text that is used nowhere else."""

    name: str
    make: Callable[[Racer, str], Requests]
    is_flasks: bool = False  # and else of the REST API
    writes: bool = False
    flask_says_404: bool = False  # after it did it


WORK = [
    Work("list of 10", _list),
    Work("`GET /{id}`", _one),
    Work("create", _rest_create, writes=True),
    Work("conditional `PUT`", _put, writes=True),
    Work("`GET /get`", _get, is_flasks=True),
    Work("`POST /create`", _create, is_flasks=True, writes=True),
    Work("`POST /update`", _update, is_flasks=True, writes=True),
    Work("`POST /delete`", _delete, is_flasks=True, writes=True, flask_says_404=True),
]


# --- The race ------------------------------------------------------------------------------------


class Lap(NamedTuple):
    """What one racer did in one round."""

    load: load.Load
    milliseconds: float  # of processor time per request


Laps = dict[str, dict[str, list[Lap]]]  # by the work, then by the racer


def started(servers: Servers, stack: ExitStack, flask: Path | None) -> list[Racer]:
    """Start everybody, on filled databases."""
    servers.build_indexes()
    fill(servers.database("ours"), SIZE, is_flasks=False)
    ours = [servers.ours(), servers.ours_with("with metrics", METRICS_TOKEN="m" * 32)]
    racers = [Racer(one, [_logged_in(one, name) for name in SIZE.names()]) for one in ours]
    return racers + [_started(peer, servers, stack, flask) for peer in PEERS]


def _started(peer: Peer, servers: Servers, stack: ExitStack, flask: Path | None) -> Racer:
    name = "".join(letter for letter in peer.name.lower() if letter.isalnum())
    database = stack.enter_context(servers.scratch(name))
    fill(database, SIZE, is_flasks=False)
    database.templates.create_indexes(INDEXES)
    folder, application = HERE / peer.folder, "app:app"
    if peer.is_flasks and flask:
        folder, application = flask.parent, f"{flask.stem}:app"
    elif peer.is_flasks:
        folder, application = ROOT, "tests.templates_app.flask.standin:app"
    python = python_with(
        HERE / peer.folder / "requirements.txt", PRODUCTION.with_name(f"peer-{peer.folder}")
    )
    service = AtRoot(
        servers.logs / name,
        cwd=folder,
        MONGODB_URI=servers.uri(name),
        JWT_SECRET_KEY=KEY,
        **peer.settings,
    )
    service.command = [python, *peer.command, "--port", str(service.port), application]
    people = [Person(name, _token(database, name)) for name in SIZE.names()]
    running = Contender(peer.name, stack.enter_context(service), database)
    return Racer(running, people, peer.limit, (peer.is_flasks,))


def _logged_in(contender: Contender, name: str) -> Person:
    answer = contender.service.post("/api/v1/login", {"username": name, "password": "wonderland-1"})
    assert answer.status == 200, answer
    return Person(name, answer.json["access_token"])


def _token(database: Any, name: str) -> str:
    """Return a token that every peer takes, whose session stands."""
    moment, sid = int(time.time()), f"session of {name}"
    expires_at = moment + 86400
    database.sessions.insert_one(
        {"_id": sid, "username": name, "expires_at": now().replace(year=now().year + 1)}
    )
    claims = {"sub": name, "sid": sid, "iat": moment, "nbf": moment, "exp": expires_at}
    return jwt.encode(claims | {"type": "access", "fresh": False, "jti": sid}, KEY, "HS256")


def race(racers: list[Racer], rounds: int, seconds: int) -> Laps:
    laps: Laps = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        print(f"{time.strftime('%H:%M:%S')} round {number + 1} of {rounds}", flush=True)
        for work in WORK:
            for racer in random.sample(racers, len(racers)):
                if work.is_flasks in racer.does:
                    laps[work.name][racer.name].append(lap(work, racer, seconds))
    return laps


def lap(work: Work, racer: Racer, seconds: int) -> Lap:
    """Have one do the work for a while; leave the collections as they were."""
    began, templates = ObjectId(), racer.contender.database.templates
    requests = some(work.make(racer, f"t{time.time_ns()}"), MOST if work.writes else SIZE.users)
    spent = racer.contender.processor_seconds()
    done = load.drive(racer.contender.service.port, requests, seconds, CONNECTIONS, work.writes)
    spent = racer.contender.processor_seconds() - spent
    if not (work.flask_says_404 and racer.name == "the Flask service"):
        assert done.refused == 0, (racer.name, work.name, done)
    templates.delete_many({"_id": {"$gt": began}})
    racer.contender.database.template_versions.delete_many({})
    return Lap(done, 1e3 * spent / done.requests)


# --- The report ----------------------------------------------------------------------------------


def report(laps: Laps, racers: list[Racer]) -> str:
    """Return the tables, in Markdown."""
    lines = [HEAD]
    for work, by_racer in laps.items():
        ours = by_racer["this service"]
        for name, theirs in by_racer.items():
            loads = [one.load for one in theirs]
            pairs = zip(ours, theirs, strict=True)
            ratio = spread_of([mine.load.rate / other.load.rate for mine, other in pairs])
            cells = [
                work,
                name,
                f"{median(one.rate for one in loads):,.0f}",
                f"{median(one.milliseconds for one in theirs):.2f}",
                f"{median(one.p50 for one in loads):.1f}",
                f"{median(one.p99 for one in loads):.1f}",
                "" if name == "this service" else ratio,
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| service | memory, MB | without |", "|---|---|---|"]
    lacks = {peer.name: peer.lacks for peer in PEERS}
    for racer in racers:
        megabytes = sum(racer.contender.megabytes())
        lines.append(f"| {racer.name} | {megabytes:.0f} | {lacks.get(racer.name, '')} |")
    return "\n".join(lines) + "\n"


HEAD = """\
| work | service | requests/s | processor ms a request | p50, ms | p99, ms | this service to it |
|---|---|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--flask", type=Path, default=ORIGINAL, help="the Flask service")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "templatesvc.settings", "SECRET_KEY": KEY}
    django.setup()
    with store() as uri, ExitStack() as stack:
        servers = stack.enter_context(Servers(uri, f"peers{os.getpid()}_", 1, arguments.flask))
        racers = started(servers, stack, arguments.flask)
        print(report(race(racers, arguments.rounds, arguments.seconds), racers))


if __name__ == "__main__":
    main()

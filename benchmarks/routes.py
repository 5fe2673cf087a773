"""What is asked of a service: for each route requests without end, all of which succeed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any, NamedTuple

from benchmarks.fill import PASSWORD
from benchmarks.servers import Contender

LIST = "GET /api/v1/templates?limit=10"
Requests = Iterator[bytes]


class Person(NamedTuple):
    """Somebody who is logged in at one of the services."""

    name: str
    token: str


class Route(NamedTuple):
    """A route: ``make`` yields its requests, given the people, and a text used nowhere else."""

    name: str
    make: Callable[[Contender, list[Person], str], Requests]
    only_new: bool = False  # the Flask service does not have it
    is_read: bool = False  # the bare function has it
    succeeds_with_404: bool = False  # at the Flask service
    most: int = 10_000  # requests of one measurement


def request(method: str, path: str, person: Person | None = None, body: Any = None) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if person:
        lines.append(f"Authorization: Bearer {person.token}")
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _hello(contender: Contender, people: list[Person], unique: str) -> Requests:
    yield request("GET", "/")


def _get(contender: Contender, people: list[Person], unique: str) -> Requests:
    return (request("GET", "/get", person) for person in people)


def _list(contender: Contender, people: list[Person], unique: str) -> Requests:
    return (request("GET", "/api/v1/templates?limit=10", person) for person in people)


def _one(contender: Contender, people: list[Person], unique: str) -> Requests:
    for person in people:
        row = contender.database.templates.find_one({"profile": person.name})
        yield request("GET", f"/api/v1/templates/{row['_id']}", person)


def _create(contender: Contender, people: list[Person], unique: str) -> Requests:
    for number in count():
        for person in people:
            yield request("POST", "/create", person, {"template": f"{unique} {number}"})


def _update(contender: Contender, people: list[Person], unique: str) -> Requests:
    _insert(contender, people, [f"{unique} 0"])
    for number in count():
        values = {"old_template": f"{unique} {number}", "new_template": f"{unique} {number + 1}"}
        for person in people:
            yield request("POST", "/update", person, values)


def _delete(contender: Contender, people: list[Person], unique: str) -> Requests:
    for number in count():
        value = f"{unique} {number}"
        _insert(contender, people, [value])
        for person in people:
            yield request("POST", "/delete", person, {"template": value})


def _insert(contender: Contender, people: list[Person], values: list[str]) -> None:
    rows = [{"profile": person.name, "template": value} for person in people for value in values]
    contender.database.templates.insert_many(rows)


def _login(contender: Contender, people: list[Person], unique: str) -> Requests:
    for person in people:
        body = {"username": person.name, "password": PASSWORD}
        yield request("POST", "/api/v1/login", None, body)


def _register(contender: Contender, people: list[Person], unique: str) -> Requests:
    for number in count():
        body = {"username": f"{unique}-{number}", "password": PASSWORD}
        yield request("POST", "/api/v1/users", None, body)


ROUTES = [
    Route("GET /", _hello, is_read=True),
    Route("GET /get", _get, is_read=True),
    Route("POST /create", _create),
    Route("POST /update", _update),
    # What is deleted stands there before, and the Flask service scans it with each request.
    Route("POST /delete", _delete, succeeds_with_404=True, most=300),
    Route(LIST, _list, only_new=True, is_read=True),
    Route("GET /api/v1/templates/{id}", _one, only_new=True, is_read=True),
]
# A password is hashed: one at a time, beside one bare hash at a time.
HASHING = [Route("POST /api/v1/login", _login), Route("POST /api/v1/users", _register)]


def some(requests: Requests, most: int) -> list[bytes]:
    """Return as many of the requests as there may be use for."""
    return list(islice(requests, most))

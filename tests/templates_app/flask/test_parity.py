"""Both services on one database, and the Flask service alone: random requests, the same answers.

Each request goes to one of the two at random, and to the Flask service alone on a database of its
own. An answer that differs is in the README's table of departures, or in the table of what differs
side by side in ``docs/takeover.md``; anything else fails.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
from pymongo.database import Database

from tests.conftest import a_database, uri_of
from tests.docs.markdown import section, table
from tests.processes import KEY, FlaskService, Service, manage
from tests.templates_app.flask.test_departures import DEEP, REQUESTS, SCENES, documented, statuses
from tests.templates_app.flask.test_flask_answers import GAINED, Answer
from tests.templates_app.flask.test_side_by_side import SETTINGS

pytestmark = pytest.mark.wire
PEOPLE = {"alice": "wonderland-1", "bob": "builder-22"}
MANY = {"MAX_SESSIONS": "1000000"}
UNIQUE = [("profile", 1), ("template", 1)]
HTML = "a page of HTML"

# --- Requests -----------------------------------------------------------

KEPT: list[Any] = ["a", "b", "ä ☃", " ", {"x": 1}, {"x": 1.0}, {}, {"kind": "book", "year": 1948}]
KEPT += [{"x": 1, "y": 2}, {"y": 2, "x": 1}, {"in": {"list": [1, "b", None, {"x": True}]}}]
ODD: list[Any] = [5, 1.5, True, None, "", [], ["a"], ["list", "of", 3]]
REFUSED: list[Any] = [{"$set": 1}, {"a.b": 1}, {"a\0b": 1}, "x" * 100_001, {"in": DEEP}]
REFUSED += ["half a pair \ud800", {"n": 2**70}]
NAMES: list[Any] = [*PEOPLE, *PEOPLE, "nobody", 7, None, ["alice"], {"$ne": None}, {"a": 1}]
PASSWORDS: list[Any] = [*PEOPLE.values(), *PEOPLE.values(), "wrong", "", 7, None]
REPEATED = '{"template": "a", "template": "b"}'
JSON = "application/json"
KINDS = ["application/vnd.api+json", "Application/JSON", "text/plain", "text/json", "application/x"]
KINDS += ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
CODECS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"]
CHARSETS = ["utf-8", "latin-1", "punycode", "no-such"]
ENCODINGS = [*CHARSETS, "identity", "gzip"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
SCHEMES = ["bearer {}", "BEARER {}", "Bearer   {}", "Basic YTpi, Bearer {}", "Token {}", "{}"]
SCHEMES += ["Bearer", "Bearer {} {}", "Bearer: {}"]
HEADERS = [("Accept", "text/html"), ("Accept", "image/png"), ("DNT", "1")]
HEADERS += [("Origin", "https://example.org"), ("Cookie", "sessionid=x"), ("If-Match", '"x"')]
HEADERS += [("If-None-Match", "*"), ("X-HTTP-Method-Override", "DELETE"), ("Range", "bytes=0-1")]
HEADERS += [("X-Forwarded-For", "192.0.2.1"), ("Idempotency-Key", "k"), ("Accept-Language", "de")]
BROKEN = ["{", "", "[1, 2]", "5", '"text"', "null", REPEATED]


LISTS_OF_USERS = {("/api/v1/users", "GET"), ("/api/v1/users", "HEAD")}
# Tokens that the Flask service did not issue, by what is other in its own of Alice's.
FORGED: dict[str, dict[str, Any]] = {
    "ghost": {"sub": "ghost"},
    "expired": {"exp": 1},
    "exp as text": {"exp": "tomorrow"},
    "not yet": {"nbf": 2**33},
    "refresh": {"type": "refresh"},
    "number as sub": {"sub": 7},
    "object as sub": {"sub": {"$ne": None}},
    "no sub": {"sub": None},
    "no type": {"type": None},
    "an audience": {"aud": "somebody"},
    "other key": {},
    "unsigned": {},
}


class Request(NamedTuple):
    """A request; ``bearer`` is a name, or a text that is no token.

    ``encoding`` is the charset or the compression that its headers name, ``codec`` how its body
    really is encoded, ``kind`` its media type.
    """

    method: str
    path: str
    body: Any = None
    bearer: str = ""
    encoding: str = ""
    codec: str = "utf-8"
    kind: str = JSON
    scheme: str = ""
    header: tuple[str, str] | None = None

    @property
    def route(self) -> str:
        """The path, however many slashes are around it."""
        return f"/{self.path.strip('/')}"

    @property
    def headers(self) -> dict[str, str]:
        others = dict([self.header] if self.header else [])
        if self.encoding in CHARSETS:
            return {"Content-Type": f"{self.kind}; charset={self.encoding}"} | others
        coding = {"Content-Encoding": self.encoding} if self.encoding else {}
        return {"Content-Type": self.kind} | coding | others

    @property
    def content(self) -> bytes | None:
        """What is sent as the body."""
        if self.body is None or self.method == "GET":
            return None
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode(
            self.codec
        )

    @property
    def members(self) -> dict[str, Any]:
        return self.body if isinstance(self.body, dict) else {}

    @property
    def new(self) -> Any:
        """The value that would be stored."""
        return self.members.get("new_template" if self.route == "/update" else "template")


class Requests:
    """Makes requests that clients may send, most of which are in order."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def next(self) -> Request:
        ways = [self.account, self.login, self.template, self.malformed, self.else_]
        request = self.random.choices(ways, [1, 3, 16, 2, 3])[0]()
        odd = self.random.choices(
            [
                {},
                self.one("encoding", ENCODINGS),
                self.one("codec", CODECS),
                self.one("kind", KINDS),
                self.one("scheme", SCHEMES),
                self.one("header", HEADERS),
            ],
            [16, 1, 1, 1, 1, 2],
        )[0]
        if self.random.random() < 0.05:
            odd["path"] = self.random.choice([f"/{request.path}", f"{request.path}//"])
        return request._replace(**odd)

    def one(self, name: str, many: list[Any]) -> dict[str, Any]:
        return {name: self.random.choice(many)}

    def one_of(self, *many: list[Any]) -> Any:
        """Return a value, most often of the first list."""
        return self.random.choice(self.random.choices(many, [12, *[1] * (len(many) - 1)])[0])

    def account(self) -> Request:
        body = {"username": self.one_of(NAMES), "password": self.one_of(PASSWORDS)}
        return Request("POST", "/api/v1/users", self._without_some(body))

    def login(self) -> Request:
        name = self.one_of(NAMES)
        right = PEOPLE.get(str(name), PEOPLE["alice"])
        body = {"username": name, "password": self.random.choice([right, self.one_of(PASSWORDS)])}
        return Request("POST", "/api/v1/login", self._without_some(body))

    def template(self) -> Request:
        value, other = (self.one_of(KEPT, ODD, REFUSED) for _ in range(2))
        bearer = self.random.choice(list(PEOPLE))
        body = {"template": value}
        return self.random.choices(
            [
                Request("GET", "/get", None, bearer),
                Request("POST", "/create", body, bearer),
                Request("POST", "/delete", body, bearer),
                Request("POST", "/update", {"old_template": value, "new_template": other}, bearer),
            ],
            [4, 6, 3, 5],
        )[0]

    def malformed(self) -> Request:
        request = self.template()._replace(method="POST")
        if request.path == "/get":
            return request
        body = self.random.choice([*BROKEN, self._without_some(request.members | {"extra": 1}), {}])
        return request._replace(body=body)

    def else_(self) -> Request:
        bearer = self.random.choice(["", "garbage", "a.b.c", *FORGED])
        way = self.random.choice([self.account, self.login, self.template])
        wrong = way()._replace(method=self.random.choice(METHODS))
        return self.random.choice(
            [Request("GET", "/"), wrong, self.template()._replace(bearer=bearer)]
        )

    def _without_some(self, body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if self.random.random() < 0.9}


# --- Differences -----------------------------------------------------------

REQUIRED = {
    "/api/v1/users": {"username", "password"},
    "/api/v1/login": {"username", "password"},
    "/create": {"template"},
    "/update": {"old_template", "new_template"},
    "/delete": {"template"},
}


def is_operator(value: Any) -> bool:
    return isinstance(value, dict) and any(key.startswith("$") for key in value)


def credentials(request: Request) -> list[Any]:
    return [value for name, value in request.members.items() if name in ("username", "password")]


def values(request: Request) -> list[Any]:
    return [value for name, value in request.members.items() if name.endswith("template")]


def clashes(request: Request, is_: Answer) -> bool:
    return is_.body == {"msg": "Template already exists on your profile"}


# For each row of the README's table, the requests that it is about; the statuses stand there. A
# request that several are about counts for the first.
ROWS: dict[str, Callable[[Request, Answer], bool]] = {
    "repeated key in a JSON object": lambda request, is_: request.body == REPEATED,
    "a path with slashes beside each other, or at its end": (
        lambda request, is_: "//" in request.path or request.path[1:].endswith("/")
    ),
    "a body that is not said to be JSON": lambda request, is_: (
        request.kind in (KINDS[5:] if is_.status == 400 and request.content else KINDS[2:])
    ),
    "a body in UTF-16 or UTF-32": lambda request, is_: request.codec.startswith(
        ("utf-16", "utf-32")
    ),
    "a body with a `charset` other than UTF-8, or with a `Content-Encoding`": (
        lambda request, is_: request.encoding not in ("", "utf-8", "identity")
    ),
    "login with a Mongo operator as username": lambda request, is_: is_operator(
        request.members.get("username")
    ),
    "delete succeeded": lambda request, is_: request.route == "/delete",
    "create: already there": lambda request, is_: (
        request.route == "/create" and clashes(request, is_)
    ),
    "update onto a name already there": lambda request, is_: (
        request.route == "/update" and clashes(request, is_)
    ),
    "token of a vanished user": lambda request, is_: request.bearer == "ghost",
    "malformed token": lambda request, is_: request.bearer in ("garbage", "a.b.c"),
    "a token that is no access token, is forged, is not valid yet, or does not name a user; "
    "`Bearer` with no token, or with several": lambda request, is_: (
        request.bearer in FORGED
        or request.scheme in ("Bearer", "Bearer {} {}")
        or (not request.bearer and request.scheme.endswith("Bearer {}"))
    ),
    "a token made with the Flask service's key, but not by it, that has an `aud` or no `type`": (
        lambda request, is_: request.bearer in ("an audience", "no type")
    ),
    "`bearer` or `BEARER` as the scheme": lambda request, is_: (
        request.scheme.lower() == "bearer {}"
    ),
    "missing field, bad JSON, wrong type": lambda request, is_: bool(
        REQUIRED.get(request.route, set()) - request.members.keys()
    ),
    "username or password that is no text": lambda request, is_: any(
        not isinstance(value, str) for value in credentials(request)
    ),
    "wrong method": lambda request, is_: (
        is_.status == 405 or (request.route, request.method) in LISTS_OF_USERS
    ),
    "an empty username or password, a username over 150 or a password over 128 characters, "
    "control characters in a username": lambda request, is_: "" in credentials(request),
    "text over 100,000 characters, object over 1 MiB, 100,000 values or 32 levels, a key with `$` "
    "in front, `.` or NUL, a number over 64 bits, NaN or infinity, half a surrogate pair": (
        lambda request, is_: any(
            value == refused and type(value) is type(refused)
            for value in values(request)
            for refused in REFUSED
        )
    ),
    "template neither text nor object (number, list, null, …), or an empty text": (
        lambda request, is_: not isinstance(request.new, str | dict) or request.new == ""
    ),
}
# What no random request brings about: test_departures.py does.
UNDRAWN = {*SCENES, *(row for row in REQUESTS if "invisible character" in row)}
# The same for the table of what the Flask service answers side by side.
SIDE_BY_SIDE: dict[str, Callable[[Request, Answer], bool]] = {
    "update onto a template that is there": lambda request, is_: request.route == "/update",
    "a list that shares a member with another": lambda request, is_: (
        isinstance(request.new, list) or isinstance(request.members.get("username"), list)
    ),
}


def documented_side_by_side() -> dict[str, tuple[set[int], set[int]]]:
    rows = table(section("docs/takeover.md", "Side by side"))
    return {case: (statuses(alone), statuses(both)) for case, alone, both in rows}


def explanation(request: Request, was: Answer, is_: Answer, by_flask: bool) -> str:
    """Return the row that a difference is listed in; empty if there is none."""
    rows = SIDE_BY_SIDE if by_flask else ROWS
    listed = documented_side_by_side() if by_flask else documented()
    for row, is_about in rows.items():
        fits = was.status in listed[row][0] and is_.status in listed[row][1]
        if fits and is_about(request, is_):
            return row
    return ""


# --- Both, and the one alone -----------------------------------------------------------


class Trio:
    """The two services on one database, and the Flask service on another that is kept the same."""

    def __init__(self, flask: Service, service: Service, alone: Service, shared: Any, other: Any):
        self.flask, self.service, self.alone = flask, service, alone
        self.shared: Database[Any] = shared
        self.other: Database[Any] = other
        self.tokens: dict[str, list[str]] = {}

    def begin(self) -> None:
        """Register the people, and have a token of each service for each of them."""
        for name, password in PEOPLE.items():
            body = {"username": name, "password": password}
            assert self.flask.post("/api/v1/users", body).status == 201
            logins = [each.post("/api/v1/login", body) for each in (self.flask, self.service)]
            self.tokens[name] = [login.json["access_token"] for login in logins]
        theirs = jwt.decode(self.tokens["alice"][0], options={"verify_signature": False})
        for name, other in FORGED.items():
            claims = {n: value for n, value in (theirs | other).items() if value is not None}
            key = "another key of 32 characters or more" if name == "other key" else KEY
            self.tokens[name] = [jwt.encode(claims, key, "HS256")]
        self.tokens["unsigned"] = [jwt.encode(theirs, "", "none")]
        self.make_equal()

    def make_equal(self) -> None:
        """Give the one alone what the two have."""
        for name in ("users", "templates"):
            self.other[name].delete_many({})
            if documents := list(self.shared[name].find().sort("_id")):
                self.other[name].insert_many(documents)

    def send(self, to: Service, request: Request, token: str) -> Answer:
        headers = dict(request.headers)
        if request.scheme:
            headers["Authorization"], token = request.scheme.format(token, token), ""
        answer = to.request(request.method, request.path, request.content, token, **headers)
        if request.method in ("HEAD", "OPTIONS"):
            return Answer(answer.status, "")
        if answer.headers.get_content_type() != "application/json":
            return Answer(answer.status, HTML if "<html" in answer.text else answer.text)
        body = {name: value for name, value in answer.json.items() if name not in GAINED}
        if "access_token" in body:
            body["access_token"] = "<jwt>"
        if "docs" in body:  # in no order that anybody promised
            body["docs"] = sorted(body["docs"], key=lambda doc: json.dumps(doc, sort_keys=True))
        return Answer(answer.status, body)

    def answers(self, request: Request, by_flask: bool, token: str) -> tuple[Answer, Answer]:
        """Return what the one alone answers, and one of the two."""
        to = self.flask if by_flask else self.service
        return self.send(self.alone, request, token), self.send(to, request, token)

    def renew_unique_index(self) -> None:
        # One MongoDB-compatible server keeps a value in it after an update took it away.
        self.shared["templates"].drop_index(UNIQUE)
        self.shared["templates"].create_index(UNIQUE, unique=True)


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    with a_database("shared") as shared, a_database("alone") as other:
        uri, uri_alone = uri_of(shared), uri_of(other)
        assert manage("ensureindexes", MONGODB_URI=uri, **SETTINGS).returncode == 0
        with (
            FlaskService(tmp_path / "flask", MONGODB_URI=uri) as flask,
            # Whose oldest session ends, because there are many, is a scene of its own.
            Service(tmp_path / "service", MONGODB_URI=uri, **MANY, **SETTINGS) as service,
            FlaskService(tmp_path / "alone", MONGODB_URI=uri_alone) as alone,
        ):
            yield Trio(flask, service, alone, shared, other)


@pytest.mark.parametrize(
    "count", [100, *(pytest.param(5000, marks=pytest.mark.long, id=f"long{n}") for n in range(4))]
)
def test_random_requests_are_answered_alike_or_as_listed(count: int, trio: Trio) -> None:
    seed = random.randrange(10**6)
    requests, met = Requests(seed), Counter[str]()
    trio.begin()
    compared = number = 0
    while compared < count:
        number += 1
        request = requests.next()
        by_flask = requests.random.random() < 0.5
        # With an operator the Flask service takes any template or user: which, nobody promises.
        named = values(request) + credentials(request)
        if by_flask and request.route != "/create" and any(map(is_operator, named)):
            continue
        compared += 1
        token = requests.random.choice(trio.tokens.get(request.bearer, [request.bearer]))
        was, is_ = trio.answers(request, by_flask, token)
        if was != is_:
            row = explanation(request, was, is_, by_flask)
            assert row, f"seed {seed}, request {number}: {request}: {was} became {is_}"
            met[row] += 1
            trio.make_equal()
        if request.route == "/update" and is_.status == 200:
            trio.renew_unique_index()
    for name in PEOPLE:
        request = Request("GET", "/get", None, name)
        for by_flask in (True, False):
            was, is_ = trio.answers(request, by_flask, trio.tokens[name][0])
            assert was == is_
    if count > 1000:
        assert set(met) == set(ROWS) | set(SIDE_BY_SIDE)


def test_each_row_of_both_tables_is_told_apart() -> None:
    assert set(ROWS) | UNDRAWN == set(documented())
    assert set(SIDE_BY_SIDE) == set(documented_side_by_side())

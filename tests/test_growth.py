"""The worst of each shape of input, to every route: what it costs follows from its size.

Counted are calls, of Python's functions and of those in C, and the memory that is held at one time:
twice the input may take twice of either, and no more. The routes are those of the URL map, so that
a new one is tested by itself.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.middleware.csrf import _get_new_csrf_string

from accounts.operators import Role
from templatesvc.api.exceptions import MAX_ERROR_SIZE, MAX_REJECTED_SIZE
from templatesvc.api.http import methods
from templatesvc.mongo import store
from tests.accounts.operators import browser_of
from tests.calls import calls_of
from tests.conftest import Person
from tests.routes import documents, filled, mapped
from tests.wsgi import answered, environ

KIB = 1024
SMALL = [32 * KIB, 128 * KIB]
UP_TO_THE_LIMIT = [256 * KIB, 512 * KIB, 1024 * KIB, 2048 * KIB - 64]
SMALL_HEADERS = [2 * KIB, 8000]
HEADERS_UP_TO_THE_LIMIT = [1 * KIB, 2 * KIB, 4 * KIB, 8000]
if not store.is_in_memory(settings.MONGODB_URI):
    # What reads the input and writes the answer is the same, and asked for each size in memory.
    # Two sizes tell what the driver and the store add, in a third of the time.
    UP_TO_THE_LIMIT, HEADERS_UP_TO_THE_LIMIT = [256 * KIB, 1024 * KIB], SMALL_HEADERS
# How much the cost may grow where the input doubles: a little more than twice, as a dictionary
# does, and always by what a request costs in any case.
FACTOR = 2.6
SHARES = 20  # of which each route gets one in the short loop
CALLS, BYTES = 3000, 512 * KIB
MEMORY = "memory"  # how a fault of it begins

# --- Shapes -------------------------------------------------------------

pytestmark = pytest.mark.search
Shape = Callable[[int], str]  # returns input of a size


def fill(before: str, unit: str, after: str = "") -> Shape:
    """Return a text over and over, between two others."""
    return lambda size: before + unit * ((size - len(before + after)) // len(unit)) + after


def number(before: str, piece: str, after: str = "", join: str = ",") -> Shape:
    """Return a text over and over, each time with another number in the place of ``#``."""

    def shape(size: int) -> str:
        count = (size - len(before + after)) // (len(piece + join) + 5)
        pieces = (piece.replace("#", str(100_000 + number)) for number in range(count))
        return before + join.join(pieces) + after

    return shape


def nest(opening: str, closing: str) -> Shape:
    def shape(size: int) -> str:
        depth = (size - 20) // len(opening + closing)
        return '{"template":' + opening * depth + "1" + closing * depth + "}"

    return shape


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART, NDJSON = "multipart/form-data; boundary=b", "application/x-ndjson"
PART = '--b\r\nContent-Disposition: form-data; name="template#"\r\n\r\n'
BODIES: dict[str, tuple[str, Shape]] = {
    "unknown fields": (JSON, number("{", '"k#":1', "}")),
    "a repeated key": (JSON, number("{", '"k#":1', ',"k100000":1}')),
    "keys inside": (JSON, number('{"template":{', '"k#":1', "}}")),
    "a long key": (JSON, fill('{"', "k", '":1}')),
    "lists in lists": (JSON, nest("[", "]")),
    "objects in objects": (JSON, nest('{"a":', "}")),
    "many elements": (JSON, fill('{"template":{"a":[', "1000000,", "1]}}")),
    "a long integer": (JSON, fill('{"template":{"a":1', "0", "}}")),
    "a long number": (JSON, fill('{"template":{"a":0.', "1", "}}")),
    "a long exponent": (JSON, fill('{"template":{"a":1e', "9", "}}")),
    "a long text": (JSON, fill('{"template":"', "x", '"}')),
    "markup": (JSON, fill('{"template":"', "&", '"}')),
    "escapes": (JSON, fill('{"template":"', "\\u0000", '"}')),
    "a long username": (JSON, fill('{"password":"y","username":"', "x", '"}')),
    "a long token": (JSON, fill('{"token":"', "a.", '"}')),
    "blanks": (JSON, fill("", " ")),
    "quotes": (JSON, fill("", '"')),
    "form fields": (FORM, number("", "f#=1", "", "&")),
    "a field again": (FORM, fill("", "template=1&")),
    "a long field": (FORM, fill("template=", "x")),
    "a percent sign": (FORM, fill("template=", "%C3")),
    "the content of a page": (FORM, fill("_content_type=application/json&_content=", "%7B")),
    "a log-in": (FORM, fill("password=y&username=", "x")),
    "parts": (MULTIPART, number("", PART + "1", "\r\n--b--", "\r\n")),
    "a long part": (MULTIPART, fill(PART, "x", "\r\n--b--")),
    "half boundaries": (MULTIPART, fill(PART, "\r\n--", "\r\n--b--")),
    "headers of a part": (MULTIPART, number("--b\r\n", "X#: 1", "\r\n\r\n", "\r\n")),
    # Of these the service takes at most 50,000, which bounds the answer where they are shorter.
    "lines": (NDJSON, fill("", '{"template":["a list is no template"]}\n')),
    "empty lines": (NDJSON, fill("", "\n")),
    "a long line": (NDJSON, fill('{"template":"', "x", '"}')),
}
QUERIES: dict[str, Shape] = {
    "parameters": number("", "p#=1", "", "&"),
    "a parameter again": fill("", "search=x&"),
    "a long search": fill("search=", "x"),
    "a long cursor": fill("cursor=", "A"),
    "percent signs": fill("search=", "%C3"),
    "dots": fill("template.", "a.", "a=1"),
    "a long format": fill("format=", "x"),
}
HEADERS: dict[str, tuple[str, Shape]] = {
    "media ranges": ("Accept", number("", "a/b#;q=0.5")),
    "parameters of a range": ("Accept", fill("text/html", ";a")),
    "an open quote": ("Accept", fill('text/html;a="', ";")),
    "tags": ("If_Match", number("", '"#"')),
    "other tags": ("If_None_Match", number("", 'W/"#"')),
    "open tags": ("If_None_Match", fill("", '"')),
    "cookies": ("Cookie", number("", "c#=1", "", "; ")),
    "languages": ("Accept_Language", number("", "de-#")),
    "proxies": ("X_Forwarded_For", number("", "10.0.0.#")),
    "a long bearer token": ("Authorization", fill("Bearer ", "a.")),
    "words": ("Authorization", fill("", "Bearer ")),
    "a long idempotency key": ("Idempotency_Key", fill('"', "x", '"')),
    "codings": ("Content_Encoding", fill("", "gzip,")),
}

# --- Routes -------------------------------------------------------------


ROUTES = sorted({f"{method} {path}" for path, at in mapped() for method in methods(at.callback)})
TAKES_BODY = [route for route in ROUTES if route.split()[0] in ("POST", "PUT", "PATCH")]


class Cost(NamedTuple):
    """What a request cost, and the size of what was sent and of the answer."""

    sent: int
    calls: int
    bytes: int
    status: int
    answer: int


def cost_of(request: Callable[[], dict[str, Any]], sent: int) -> Cost:
    given = request()
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        answer = answered(given)
        peak = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    # Again, now that caches are filled and a document that is replaced has its new size.
    calls = calls_of(partial(answered, request()), of_c_too=True)
    return Cost(sent, calls, peak, answer.status, len(answer.content))


def faults(costs: list[Cost], accept: str = "") -> Iterator[str]:
    """Yield what grew faster than the input, and what is larger than it may be."""
    for smaller, larger in pairwise(costs):
        times = FACTOR * larger.sent / smaller.sent / 2
        if larger.calls > times * smaller.calls + CALLS:
            yield f"calls grew from {smaller} to {larger}"
        if larger.bytes > times * smaller.bytes + BYTES:
            yield f"{MEMORY} grew from {smaller} to {larger}"
    for cost in costs:
        if cost.status >= 500:
            yield f"failed: {cost}"
        is_typed = accept == "text/html" and cost.sent <= MAX_REJECTED_SIZE
        if cost.status >= 400 and cost.answer > MAX_ERROR_SIZE and not is_typed:
            yield f"the error is too large: {cost}"
        # A page shows what was sent twice, and writes &amp; for &.
        times = 20 if accept == "text/html" else 12
        # What answers the same whatever was sent, as the schema does, is not made by the input.
        grows = cost.answer > 1.1 * costs[0].answer
        if grows and cost.answer > times * cost.sent + MAX_ERROR_SIZE:
            yield f"the answer is too large: {cost}"


def measured_faults(measure: Callable[[], list[Cost]], accept: str = "") -> list[str]:
    """Return the faults of costs; where only memory grew, those of a second measurement.

    Once in thousands of requests a table of the whole process grows, by more than is allowed.
    """
    found = list(faults(measure(), accept))
    is_memory_alone = found and all(fault.startswith(MEMORY) for fault in found)
    return list(faults(measure(), accept)) if is_memory_alone else found


class Sender:
    """Sends as somebody who may do everything, with a token and in a browser at once."""

    def __init__(self, person: Person) -> None:
        person.user.appoint(Role.SUPERUSER)
        self.ids = documents(person)
        csrf = _get_new_csrf_string()
        cookies = browser_of(person.user).cookies
        session = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        self.headers = {
            "Authorization": f"Bearer {person.tokens['access_token']}",
            "Cookie": f"{session}; csrftoken={csrf}",
            "X_CSRFToken": csrf,
        }

    def costs(
        self,
        route: str,
        sizes: list[int],
        body: Callable[[int], str] = lambda size: "",
        content_type: str = "",
        query: Callable[[int], str] = lambda size: "",
        name: str = "",
        header: Callable[[int], str] = lambda size: "",
        accept: str = "application/json",
    ) -> list[Cost]:
        """Return what a shape costs at each size."""
        method, _, path = route.partition(" ")
        found = []
        for size in sizes:
            content, text, value = body(size).encode(), query(size), header(size)
            target = f"{filled(path, self.ids)}?{text}"
            headers = self.headers | {"Accept": accept} | ({name: value} if name else {})

            def request(
                target: str = target, content: bytes = content, headers: Any = headers
            ) -> dict[str, Any]:
                return environ(method, target, content, content_type, **headers)

            found.append(cost_of(request, len(content) + len(text) + len(value)))
        return found


@pytest.fixture
def sender(alice: Person, settings: Any) -> Sender:
    settings.LOGIN_LIMIT_PER_USER = settings.LOGIN_LIMIT_PER_ADDRESS = None
    settings.REGISTRATION_LIMIT = None
    return Sender(alice)


ASKED_FOR = ("application/json", "text/html")


def bodies() -> Iterator[Any]:
    """Yield each route with what it is asked for, sizes, and its share of the shapes.

    In the short loop each route is asked for what its clients ask for, with one shape of
    ``SHARES``, so that each shape comes to some routes; in the long loop for all with all.
    """
    for index, route in enumerate(TAKES_BODY):
        is_page = route.split()[1].startswith(("/admin", "/api-auth"))
        yield pytest.param(route, ASKED_FOR[is_page], SMALL, index % SHARES)
        for accept in ASKED_FOR:
            yield pytest.param(route, accept, UP_TO_THE_LIMIT, None, marks=pytest.mark.long)


def lines() -> Iterator[Any]:
    """Yield each route with sizes, and its share of the shapes of queries and headers."""
    for index, route in enumerate(ROUTES):
        yield pytest.param(route, SMALL_HEADERS, index % SHARES)
        yield pytest.param(route, HEADERS_UP_TO_THE_LIMIT, None, marks=pytest.mark.long)


def shared(shapes: dict[str, Any], share: int | None) -> dict[str, Any]:
    """Return a share of the shapes, or all."""
    found = shapes if share is None else dict(list(shapes.items())[share::SHARES])
    assert found, "there are more shares than shapes"
    return found


@pytest.mark.parametrize(("route", "accept", "sizes", "share"), list(bodies()))
def test_a_body_costs_what_follows_from_its_size(
    route: str, accept: str, sizes: list[int], share: int | None, sender: Sender
) -> None:
    found = {}
    for shape, (content_type, body) in shared(BODIES, share).items():
        measure = partial(sender.costs, route, sizes, body, content_type, accept=accept)
        if wrong := measured_faults(measure, accept):
            found[shape] = wrong
    assert found == {}


@pytest.mark.parametrize(("route", "sizes", "share"), list(lines()))
def test_a_query_or_a_header_costs_what_follows_from_its_size(
    route: str, sizes: list[int], share: int | None, sender: Sender
) -> None:
    queries = {shape: {"query": query} for shape, query in QUERIES.items()}
    headers = {shape: {"name": name, "header": header} for shape, (name, header) in HEADERS.items()}
    found = {}
    for shape, given in shared(queries | headers, share).items():
        if wrong := measured_faults(partial(sender.costs, route, sizes, **given)):
            found[shape] = wrong
    assert found == {}


@pytest.mark.parametrize("name", sorted({name for name, _ in HEADERS.values()}))
def test_a_header_that_is_too_long_is_refused(name: str) -> None:
    answer = answered(environ("GET", "/livez", **{name: "a" * 60_000}))
    assert (answer.status, answer.json["code"]) == (431, "headers_too_large")


def test_a_url_that_is_too_long_is_refused() -> None:
    for target in (f"/livez?{'a' * 9000}", f"/{'a/' * 5000}"):
        answer = answered(environ("GET", target))
        assert (answer.status, answer.json["code"]) == (414, "uri_too_long")

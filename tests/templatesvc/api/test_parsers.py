"""What reading a body costs, and what comes of one that nobody expects."""

from __future__ import annotations

import io
import json
import tracemalloc
from functools import partial
from random import Random
from typing import Any

import bson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser
from django.middleware.csrf import _get_new_csrf_string
from django.test.client import encode_multipart
from rest_framework.exceptions import ParseError
from rest_framework.test import APIClient

from templatesvc.api.exceptions import MAX_REJECTED_SIZE
from templatesvc.api.notation import least_size
from templatesvc.api.parsers import FieldsOnly, JSONParser, has_too_many_escapes, unique_members
from templatesvc.mongo.values import MAX_OBJECT_SIZE, MAX_VALUES, count_of
from tests.answers import there, told
from tests.calls import calls_of
from tests.conftest import Person
from tests.left_out import mostly_long
from tests.wsgi import answered, environ

FORM = "application/x-www-form-urlencoded"


class Name(str):
    """A key that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("keys", [1_000, 4_000])
def test_a_repeated_key_is_found_without_comparing_all_with_all(keys: int) -> None:
    Name.compared = 0
    pairs = [(Name(number), 1) for number in [*range(keys), keys - 1]]
    with pytest.raises(ParseError, match=f'"{keys - 1}" is given twice'):
        unique_members(pairs)
    assert Name.compared < 10 * keys


@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/api-auth/login", "/admin/login"])
@pytest.mark.parametrize("unit", ["%", "%41", "%zz"])
def test_a_form_of_escapes_alone_is_too_large(path: str, unit: str) -> None:
    form = ("token=" + unit * 600_000).encode()
    token = _get_new_csrf_string()
    headers = {"Cookie": f"csrftoken={token}", "X_CSRFToken": token}
    answer = answered(environ("POST", path, form, FORM, **headers))
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/api/v1/token/refresh", "/api/v1/login"])
def test_half_a_surrogate_is_refused_on_a_page_as_well(path: str, alice: Person) -> None:
    body = (
        '{"token": "\\ud800", "refresh_token": "\\ud800", "username": "\\ud800", "password": "x"}'
    )
    for client in (alice.client, APIClient(raise_request_exception=False)):
        answer = client.post(path, body, content_type="application/json", HTTP_ACCEPT="text/html")
        assert 400 <= answer.status_code < 500


def test_what_was_typed_is_indented_unless_it_would_be_all_blanks(alice: Person) -> None:
    body = '{"template": ' + "[" * 900 + "]" * 900 + "}"
    url = "/api/v1/templates"
    answer = alice.client.post(url, body, content_type="application/json", HTTP_ACCEPT="text/html")
    assert answer.status_code == 400
    assert len(answer.content) < 100_000


WIDE = {
    "objects": "[" + "{}," * 600_000 + "{}]",
    "lists": "[" + "[]," * 600_000 + "[]]",
    "numbers": "[" + "1," * 900_000 + "1]",
    "members": "[" + '{"a":1},' * 200_000 + "1]",
    "empty texts": "[" + '"",' * 600_000 + "1]",
}


@pytest.mark.parametrize("value", WIDE.values(), ids=WIDE)
def test_a_body_that_no_document_can_hold_is_refused_before_it_is_parsed(value: str) -> None:
    body = f'{{"template": {value}}}'.encode()
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match="than a document may"):
            JSONParser().parse(io.BytesIO(body))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Parsed, it takes more than ten times its bytes.
    assert peak < 4 * len(body)


@pytest.mark.parametrize("route", [*there("/create"), "/api/v1/login", "/api/v1/templates"])
def test_a_wide_body_is_answered_in_the_way_of_its_route(route: str, alice: Person) -> None:
    body = f'{{"template": {WIDE["objects"]}}}'
    answer = alice.client.post(route, body, content_type="application/json")
    assert answer.status_code == 400
    assert told(answer)


@pytest.mark.parametrize(
    "item", mostly_long({}, [], 1, "", None, {"a": 1}, {"": {"": []}}, [[[]]], 1.5)
)
def test_the_widest_object_that_can_be_kept_is_taken(item: Any, alice: Person) -> None:
    sizes = [len(bson.encode({"x": [item] * count})) for count in (1000, 1001)]
    by_size = (MAX_OBJECT_SIZE - 5000) // (sizes[1] - sizes[0] + 3)
    by_count = (MAX_VALUES - 2) // count_of(item)
    value = {"x": [item] * min(by_size, by_count)}
    assert by_count < by_size or len(bson.encode(value)) > MAX_OBJECT_SIZE * 0.7
    made = alice.client.post("/api/v1/templates", {"template": value})
    assert made.status_code == 201
    for path in there("/delete"):
        assert alice.client.post(path, {"template": value}).status_code == 200


def value_of(random: Random, depth: int = 0) -> Any:
    """Return some JSON value."""
    kind = random.random()
    if kind < 0.3 or depth > 4:
        return random.choice([None, True, 1, 2**40, 1.5, "", "a", '"', "\\", "{[,", '\\"'])
    if kind < 0.65:
        return [value_of(random, depth + 1) for _ in range(random.randrange(5))]
    names = random.sample(["", "a", "b", '"', "\\"], random.randrange(5))
    return {name: value_of(random, depth + 1) for name in names}


def test_the_least_size_is_never_more_than_the_size() -> None:
    random = Random(7)
    for number in range(5_000):
        value = {"": value_of(random)}
        for separators in ((",", ":"), (" , ", " : ")):
            text = json.dumps(value, separators=separators).encode()
            assert least_size(text) <= len(bson.encode(value)), (number, value)


@pytest.mark.parametrize("item", [None, {}, []], ids=str)
def test_the_least_size_counts_neither_the_name_nor_the_first_index(item: Any) -> None:
    for count in range(1, 10):  # ten have an index of two digits
        value = {"": [item] * count}
        lacking = len("t\0") + len("t0\0")  # t stands for the byte that says of which type it is
        assert least_size(json.dumps(value).encode()) + lacking == len(bson.encode(value))


def test_strings_without_an_end_are_looked_at_once() -> None:
    """Looked at from each quotation mark on, this would take hours."""
    for text in (b'"' + b'\\"' * 2**20, b'{"a' * 2**20, b"\\" * 2**20, b'"' * (2**20 + 1)):
        assert least_size(text) <= 5 * 2**20


def test_the_least_size_is_close_to_that_of_the_widest() -> None:
    items: list[Any] = [{}, [], [[]]]
    for item in items:
        value = {"a": ["x"] * 30_000 + [item] * 30_000}
        assert least_size(json.dumps(value).encode()) > len(bson.encode(value)) / 3


# --- Multipart forms ------------------------------------------------------------------------------


PART = '--b\r\nContent-Disposition: form-data; name="a"{more}\r\n\r\n1\r\n'
SHAPES = {
    "parts": PART.format(more="") * 1000,
    "parts without a head": "--b\r\n\r\n\r\n" * 6000,
    "boundaries alone": "--b\r\n" * 12_000,
    "files": PART.format(more='; filename="f"') * 800,
    "parameters of parts": PART.format(more=";a=b" * 200) * 70,
    "heads of parts": ("--b\r\n" + "a:b;c=d\r\n" * 90 + "\r\n1\r\n") * 70,
}


@pytest.mark.parametrize("path", ["/api/v1/token/verify", "/admin/login"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_multipart_form_costs_little_more_than_the_same_form_urlencoded(
    path: str, shape: str
) -> None:
    sent = SHAPES[shape].encode()
    assert len(sent) < 66_000  # as much as is kept of a stranger's body
    fields = "&".join(["a=1"] * 1000).encode()
    urlencoded, multipart = (
        calls_of(partial(answered, environ("POST", path, body, kind)), of_c_too=True)
        for body, kind in ((fields, FORM), (sent, "multipart/form-data; boundary=b"))
    )
    assert multipart < 4 * urlencoded


@pytest.mark.parametrize(
    "fields",
    [
        {"a": "1"},
        {"a": ["1", "", "é\u2028"], "b": "\r\n\r\n--", "c": "--b--"},
        {'a"; filename="x': "quoted", "ä": "x" * 100_000},
        {},
    ],
)
def test_a_multipart_form_is_read_as_django_reads_it(fields: dict[str, Any]) -> None:
    file = SimpleUploadedFile("f.txt", b"dropped")
    body = encode_multipart("a-boundary", fields | {"file": file})
    meta = {
        "CONTENT_TYPE": "multipart/form-data; boundary=a-boundary",
        "CONTENT_LENGTH": len(body),
    }
    expected, _ = MultiPartParser(meta, io.BytesIO(body), [MemoryFileUploadHandler()]).parse()
    found, files = MultiPartParser(meta, io.BytesIO(body), [FieldsOnly()]).parse()
    assert (found, files) == (expected, {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (PART.format(more="") * 1002, "fields"),
        ("--b\r\n" + "x" * 2000 + "\r\n\r\n1", "multipart form"),
    ],
)
def test_a_multipart_form_that_is_none_is_refused(content: str, problem: str) -> None:
    answer = answered(
        environ("POST", "/api/v1/token/verify", content.encode(), "multipart/form-data; boundary=b")
    )
    assert (answer.status, problem in answer.json["detail"]) == (400, True), answer.json


def test_a_form_has_as_many_escapes_as_the_longest_text_needs() -> None:
    assert not has_too_many_escapes(b"%41" * 3 * MAX_REJECTED_SIZE)
    assert has_too_many_escapes(b"%41" * (3 * MAX_REJECTED_SIZE + 1))

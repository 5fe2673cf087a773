"""The README's table of departures, held to the recorded answers and to the service's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.test import override_settings
from rest_framework.test import APIClient

from tests.conftest import Person
from tests.docs.markdown import section, table
from tests.templates_app.flask.test_flask_answers import DEPARTURES, RECORDED

# The recorded cases that a row of the table speaks of.
RECORDED_CASES = {
    "delete succeeded": ["delete"],
    "create: already there": ["create again"],
    "update onto a name already there": ["update onto an existing name"],
    "token of a vanished user": ["get with the token of a deleted user"],
    "malformed token": ["get with a garbage token"],
    "missing field, bad JSON, wrong type": [
        "register without password",
        "register without username",
        "register, not JSON",
        "login, missing password",
        "create, missing field",
        "update, missing field",
    ],
    "login with a Mongo operator as username": ["login, operator injected"],
    "wrong method": ["wrong method"],
}
DEEP: dict[str, Any] = {}
for _ in range(32):
    DEEP = {"in": DEEP}
# Requests for the rows that nothing was recorded of, with their headers.
REQUESTS: dict[str, list[tuple[Any, ...]]] = {
    "username or password that is no text": [
        ("/api/v1/users", {"username": 7, "password": "builder-22"}),
        ("/api/v1/users", {"username": "carol", "password": None}),
        ("/api/v1/login", {"username": ["carol"], "password": "builder-22"}),
        ("/api/v1/login", {"username": "carol", "password": 7}),
    ],
    "an empty username or password, a username over 150 or a password over 128 characters, "
    "control characters in a username": [
        ("/api/v1/users", {"username": "", "password": "builder-22"}),
        ("/api/v1/users", {"username": "carol", "password": ""}),
        ("/api/v1/users", {"username": "c" * 151, "password": "builder-22"}),
        ("/api/v1/users", {"username": "carol", "password": "p" * 129}),
        ("/api/v1/users", {"username": "carol\n", "password": "builder-22"}),
    ],
    "a username with a space at its start or end, or with an invisible character, one that steers "
    "the direction of writing, one that Unicode does not have, or a symbol such as an emoji": [
        ("/api/v1/users", {"username": name, "password": "builder-22"})
        for name in (" bob", "bob ", "b\u200bob", "b\u202eob", "b\u0378ob", "bob \U0001f99c")
    ],
    "text over 100,000 characters, object over 1 MiB, 100,000 values or 32 levels, "
    "a key with `$` in front, `.` or NUL, a number over 64 bits, NaN or infinity, "
    "half a surrogate pair": [
        ("/create", {"template": "x" * 100_001}),
        ("/create", {"template": {"text": "x" * 1024 * 1024}}),
        ("/create", {"template": DEEP}),
        ("/create", {"template": {"$set": 1}}),
        ("/create", {"template": {"a.b": 1}}),
        ("/create", {"template": {"a\0b": 1}}),
        ("/create", {"template": {"number": 2**63}}),
        ("/create", {"template": {"number": float("nan")}}),
        ("/create", '{"template": {"number": 1e400}}'),
        ("/create", {"template": "half a pair: \ud800"}),
    ],
    "template neither text nor object (number, list, null, …), or an empty text": [
        ("/create", {"template": 1}),
        ("/create", {"template": ["x"]}),
        ("/create", {"template": None}),
        ("/create", {"template": True}),
        ("/create", {"template": ""}),
    ],
    "repeated key in a JSON object": [
        ("/create", '{"template": "one", "template": "two"}'),
        ("/create", '{"template": {"key": 1, "key": 2}}'),
    ],
    "a body with a `charset` other than UTF-8, or with a `Content-Encoding`": [
        ("/create", {"template": "x"}, {"content_type": "application/json; charset=latin-1"}),
        ("/create", {"template": "x"}, {"HTTP_CONTENT_ENCODING": "gzip"}),
    ],
    "a body in UTF-16 or UTF-32": [
        ("/create", '{"template": "x"}'.encode("utf-16")),
        ("/create", '{"template": "x"}'.encode("utf-32-be")),
    ],
    "a body that is not said to be JSON": [
        ("/create", {"template": "x"}, {"content_type": "text/plain"}),
        ("/create", "template=x", {"content_type": "application/x-www-form-urlencoded"}),
        ("/create", "", {"content_type": "text/plain"}),
    ],
    "a token that is no access token, is forged, is not valid yet, or does not name a user; "
    "`Bearer` with no token, or with several": [
        ("/create", {"template": "x"}, {"HTTP_AUTHORIZATION": f"Bearer{tokens}"})
        for tokens in ("", " a.b.c d.e.f", f" {jwt.encode({'sub': 'alice'}, 'k' * 32, 'HS256')}")
    ],
    "`bearer` or `BEARER` as the scheme": [
        ("/create", {"template": "x"}, {"HTTP_AUTHORIZATION": "bearer {}"})
    ],
    "a path with slashes beside each other, or at its end": [
        ("//create", {"template": "x"}),
        ("/create/", {"template": "x"}),
        ("/api//v1///login", {"username": "alice", "password": "no"}),
    ],
}


def superseded(alice: Person) -> Any:
    """Return the answer to the oldest token after one log-in too many."""
    with override_settings(MAX_SESSIONS=2):
        body = {"username": "alice", "password": alice.password}
        for _ in range(2):
            assert alice.client.post("/api/v1/login", body).status_code == 200
    return alice.client.get("/get")


def over_quota(alice: Person) -> Any:
    """Return the answer to one template too many."""
    with override_settings(QUOTA_DOCUMENTS=1):
        assert alice.client.post("/create", {"template": "one"}).status_code == 200
        return alice.client.post("/create", {"template": "two"})


def with_an_audience(alice: Person) -> Any:
    """Return the answer to a token whose audience is somebody else."""
    token = alice.tokens["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False}) | {"aud": "somebody"}
    forged = jwt.encode(claims, settings.JWT_SECRET_KEY, "HS256")
    return APIClient().get("/get", HTTP_AUTHORIZATION=f"Bearer {forged}")


# For the rows that take more than one request: what does them, and returns the last answer.
SCENES: dict[str, Callable[[Person], Any]] = {
    "a token made with the Flask service's key, but not by it, that has an `aud` or no `type`": (
        with_an_audience
    ),
    "more log-ins of one person than `MAX_SESSIONS`, 100, whose tokens are still used": superseded,
    "more templates, or more bytes, than the [settings](#settings) `QUOTA_DOCUMENTS` and "
    "`QUOTA_BYTES` allow a person": over_quota,
}


def documented() -> dict[str, tuple[set[int], set[int]]]:
    """Return the statuses that were, and those that are, of each case."""
    rows = table(section("README.md", "Departures from the Flask service"))
    return {case: (statuses(was), statuses(is_)) for case, was, is_ in rows}


def statuses(cell: str) -> set[int]:
    return {int(number) for number in re.findall(r"\b[2-5]\d\d\b", cell)}


def test_every_departure_that_the_tests_list_stands_in_one_row() -> None:
    cases = [case for cases in RECORDED_CASES.values() for case in cases]
    assert sorted(cases) == sorted(DEPARTURES)


def test_every_row_is_tested() -> None:
    assert set(documented()) == set(RECORDED_CASES) | set(REQUESTS) | set(SCENES)


@pytest.mark.parametrize("row", RECORDED_CASES)
def test_a_row_gives_the_recorded_statuses_and_those_of_today(row: str) -> None:
    was = {RECORDED[case]["response"]["status"] for case in RECORDED_CASES[row]}
    is_ = {DEPARTURES[case][0] for case in RECORDED_CASES[row]}
    assert was <= documented()[row][0]  # of other requests it may have been another
    assert is_ <= documented()[row][1]


@pytest.mark.parametrize(
    ("row", "request_"), [(row, request) for row, many in REQUESTS.items() for request in many]
)
def test_the_service_answers_as_the_row_says(row: str, request_: Any, alice: Person) -> None:
    path, body, *given = request_
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"content_type": "application/json"} | (given[0] if given else {})
    if "HTTP_AUTHORIZATION" in headers:
        token = alice.tokens["access_token"]
        alice.client.credentials(
            HTTP_AUTHORIZATION=headers.pop("HTTP_AUTHORIZATION").replace("{}", token)
        )
    response = alice.client.post(path, text, **headers)
    assert response.status_code in documented()[row][1]
    assert list(response.json()) == ["msg"]


@pytest.mark.parametrize("row", SCENES)
def test_a_scene_ends_as_the_row_says(row: str, alice: Person) -> None:
    response = SCENES[row](alice)
    assert {response.status_code} == documented()[row][1]
    assert list(response.json()) == ["msg"]


def test_the_deepest_object_that_the_row_allows_is_taken(alice: Person) -> None:
    assert alice.client.post("/create", {"template": DEEP["in"]}).status_code == 200

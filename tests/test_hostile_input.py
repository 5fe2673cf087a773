"""Input of every wrong kind: a 4xx in the route's own shape, and nothing is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from templates_app.documents import Template
from tests.answers import there, told
from tests.conftest import Person

pytestmark = pytest.mark.store

BODIES: dict[str, Any] = {
    "a lone surrogate": '{"template": "\\ud800"}',
    "a lone surrogate in a key": '{"template": {"\\udfff": 1}}',
    "a repeated key": '{"template": "a", "template": "b"}',
    "a repeated key inside": '{"template": {"a": 1, "a": 2}}',
    "a key with a dollar": '{"template": {"$where": "1"}}',
    "an operator deep inside": '{"template": {"a": [{"$ne": null}]}}',
    "a key with a dot": '{"template": {"a.b": 1}}',
    "a key with NUL": '{"template": {"a\\u0000b": 1}}',
    "NaN": '{"template": {"a": NaN}}',
    "infinity": '{"template": {"a": 1e400}}',
    "66 bits": '{"template": {"a": 36893488147419103232}}',
    "5,000 digits": '{"template": {"a": ' + "9" * 5000 + "}}",
    "33 levels": json.dumps({"template": json.loads('{"a":' * 33 + "1" + "}" * 33)}),
    "100,000 brackets": '{"template": ' + "[" * 100_000,
    "100,001 characters": json.dumps({"template": "x" * 100_001}),
    "an object over 1 MiB": json.dumps({"template": {"a": "x" * 1024 * 1024}}),
    "100,001 values": json.dumps({"template": {"a": [[None] * 10] * 9091}}),
    "an empty text": '{"template": ""}',
    "a number": '{"template": 5}',
    "a list": '{"template": ["a"]}',
    "null": '{"template": null}',
    "true": '{"template": true}',
    "no field": "{}",
    "a bare list": "[]",
    "a bare text": '"template"',
    "a bare number": "5",
    "a bare null": "null",
    "nothing": "",
    "no JSON": "{oops",
    "no UTF-8": b'{"template": "\xff"}',
}
WRITES = [("post", path) for path in (*there("/create"), "/api/v1/templates")]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_wrong_body_is_refused(method: str, path: str, body: str, alice: Person) -> None:
    answer = getattr(alice.client, method)(path, BODIES[body], content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert told(answer)
    assert (answer["Content-Type"] == "application/problem+json") is path.startswith("/api")
    assert Template.objects.count() == 0


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/login"])
@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("wrong", [5, 1.5, None, True, [], ["a"], {}, {"$ne": None}, "\ud800"])
def test_a_credential_of_a_wrong_kind_is_refused(
    path: str, field: str, wrong: Any, alice: Person
) -> None:
    body = {"username": "x", "password": "y"} | {field: wrong}
    answer = alice.client.post(path, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert told(answer).startswith(f"{field}: ")


KEPT = ["ü" * 100_000, "\U0001f600 \u202e \x00 \u2028", {"": {"x": [[]]}}, {"a": -(2**63)}]


@pytest.mark.parametrize("value", [*KEPT, json.loads('{"a":' * 32 + "1" + "}" * 32)])
def test_what_is_odd_but_right_is_kept(value: Any, alice: Person) -> None:
    assert alice.client.post("/api/v1/templates", {"template": value}).status_code == 201
    (listed,) = alice.client.get("/api/v1/templates").json()["results"]
    assert listed["template"] == value
    for path in there("/get"):
        (kept,) = json.loads(alice.client.get(path).getvalue())["docs"]
        assert kept == {"profile": "alice", "template": value}
    for path in there("/delete"):
        assert alice.client.post(path, {"template": value}).status_code == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_body_of_another_type_or_size_is_refused(method: str, path: str, alice: Person) -> None:
    answer = alice.client.post(path, "template=x", content_type="text/plain")
    assert answer.status_code == 415
    answer = alice.client.post(
        path, json.dumps({"template": "x" * 2**21}), content_type="application/json"
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/%00", "/get%00", "/api/v1/%ff", "/api/v1/templates/%00", "/no"])
def test_an_odd_path_is_not_found(path: str, alice: Person) -> None:
    assert alice.client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/token/refresh", "/admin/login", "/api-auth/login"])
def test_files_are_not_taken_from_anybody(path: str, client: Any) -> None:
    small, large = (SimpleUploadedFile("a", b"x" * size) for size in (1024, 3 * 2**20))
    answer = client.post(path, {"refresh_token": small}, format="multipart")
    assert not answer.wsgi_request.FILES
    answer = client.post(path, {"refresh_token": large}, format="multipart")
    assert answer.status_code == 413

"""What schemathesis is told of this service beside its schema; it imports this as its hooks.

It runs as two people, whose tokens are in the file that ``FUZZ_PEOPLE`` names. What it sent and
got is counted, and written to ``FUZZ_COUNTS`` in the end.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

import requests
import schemathesis
from schemathesis.specs.openapi.checks import use_after_free

SERVICE = os.environ["FUZZ_SERVICE"]
PEOPLE = json.loads(Path(os.environ["FUZZ_PEOPLE"]).read_text())["auth"]
TOKENS = {header["value"] for person in PEOPLE for header in person["fixedHeaders"]}
PASSWORD = "wonderland-1"
# Whoever makes one of these can't go on: somebody else comes to do it.
LAST_CALLS = {"delete_me", "change_password", "logout", "logout_all", "end_session"}
DEEPEST = 30
# What a document of each resource needs.
FIELDS = {"templates": ["template"], "films": ["title", "director"], "specimens": ["label"]}
INT64 = range(-(2**63), 2**63)


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Make lines of what is generated for an import: a document, and that."""
    if isinstance(body, bytes) and context.operation.path.endswith("/import"):
        text = body.decode("latin-1") or "empty"
        (fields,) = [fields for name, fields in FIELDS.items() if name in context.operation.path]
        return json.dumps(dict.fromkeys(fields, text)).encode() + b"\n" + body
    return body


counts: Counter[str] = Counter()
# Who has come to make the next last call; whoever made one is gone.
newcomers: list[str] = []


@atexit.register
def write_counts() -> None:
    Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(counts))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    operation = case.operation.definition.raw["operationId"]
    # No other token: some requests come with none, or with a wrong one, on purpose.
    if operation in LAST_CALLS and case.headers.get("Authorization") in TOKENS:
        if not newcomers:
            newcomers.append(newcomer())
        case.headers["Authorization"] = newcomers[0]
    if not case.meta or not case.meta.generation.mode.is_positive:
        # Any filter takes this text for what has no value, whatever its type is.
        case.query = {
            name: "nil" if value == "null" else value for name, value in (case.query or {}).items()
        }
        return
    if key := (case.headers or {}).get("Idempotency-Key"):
        # Otherwise most would be refused, because a key that was made up came with another body.
        case.headers["Idempotency-Key"] = f"{key[:200]}{crc32(repr(case.body).encode())}"
    if isinstance(case.body, dict):
        case.body = storable(case.body)
        if operation == "register":
            case.body["username"] = allowed(case.body["username"])
        if operation == "change_password" and "current_password" in case.body:
            case.body["current_password"] = PASSWORD
    if "cursor" in (case.query or {}):
        follow(case)


def newcomer() -> str:
    """Return how somebody authenticates who has just registered."""
    person = {"username": secrets.token_hex(8), "password": PASSWORD}
    requests.post(f"{SERVICE}/api/v1/users", json=person, timeout=150).raise_for_status()
    answer = requests.post(f"{SERVICE}/api/v1/login", json=person, timeout=150)
    return f"Bearer {answer.json()['access_token']}"


def storable(value: Any, depth: int = 0) -> Any:
    """Return a value with what no schema forbids: deep nesting, and odd keys and integers in it."""
    if isinstance(value, dict):
        inner = value if depth < DEEPEST else {}
        return {
            (key if depth == 0 else key.lstrip("$").replace(".", "").replace("\0", "")): storable(
                item, depth + 1
            )
            for key, item in inner.items()
        }
    if isinstance(value, list):
        return [storable(item, depth + 1) for item in value] if depth < DEEPEST else []
    if isinstance(value, int) and value not in INT64:
        return value % 2**63
    return value


def allowed(name: Any) -> Any:
    """Return a username without what RFC 8265 forbids, which no pattern says: in doubt, all."""
    if not isinstance(name, str) or name.isascii():
        return name
    return name.encode("ascii", "ignore").decode().strip() or secrets.token_hex(8)


def follow(case: Any) -> None:
    """Replace a cursor, which can't be made up, by one that the service gave."""
    query = {name: value for name, value in case.query.items() if name != "cursor"}
    flat = {name: value for name, value in query.items() if name != "template"}
    flat |= query.get("template") or {}
    headers = {"Authorization": case.headers.get("Authorization") or ""}
    answer = requests.get(f"{SERVICE}{case.path}", params=flat, headers=headers, timeout=150)
    if answer.status_code == 200 and (url := answer.json()["next"]):
        query["cursor"] = parse_qs(urlsplit(url).query)["cursor"][0]
    case.query = query


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    operation = case.operation.definition.raw["operationId"]
    counts[f"{operation} {response.status_code}"] += 1
    if operation in LAST_CALLS and response.status_code < 300:
        newcomers.clear()


@schemathesis.check
def documented_code(ctx: Any, response: Any, case: Any) -> None:
    """The code of a problem is among those that the schema lists for that answer."""
    media_type = response.headers.get("content-type", [""])[0]
    answer = case.operation.definition.raw["responses"].get(str(response.status_code))
    if media_type == "application/problem+json" and answer:
        listed = answer["content"][media_type]["examples"]
        assert response.json()["code"] in listed, f"{response.json()['code']} is not documented"


@schemathesis.check
def gone_once_deleted(ctx: Any, response: Any, case: Any) -> None:
    """What was deleted is gone, except for its versions, one of which can be restored."""
    if "/versions" not in case.operation.path:
        use_after_free(ctx, response, case)

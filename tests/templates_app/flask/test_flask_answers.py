"""The Flask service's recorded answers, replayed in their order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rest_framework.test import APIClient

from accounts.documents import User
from tests.conftest import empty_store

pytestmark = pytest.mark.store

RECORDED: dict[str, dict[str, Any]] = {
    entry["case"]: entry
    for entry in json.loads((Path(__file__).parent / "flask_answers.json").read_text())
}
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
# What a login's answer has beside the recorded token.
GAINED = ("refresh_token", "expires_in")

# What this service answers differently on purpose: the README has the same table.
DEPARTURES: dict[str, tuple[int, dict[str, Any]]] = {
    "register without password": (400, {"msg": "password: This field is required."}),
    "register without username": (400, {"msg": "username: This field is required."}),
    "register, not JSON": (400, {"msg": "…"}),
    "login, operator injected": (400, {"msg": "username: Not a valid string."}),
    "login, missing password": (400, {"msg": "password: This field is required."}),
    "get with a garbage token": (401, {"msg": "…"}),
    "create again": (409, {"msg": "Template already exists on your profile"}),
    "create, missing field": (400, {"msg": "template: This field is required."}),
    "update onto an existing name": (409, {"msg": "Template already exists on your profile"}),
    "update, missing field": (400, {"msg": "new_template: This field is required."}),
    "delete": (200, {"msg": "Template Deleted Sucessfully"}),
    "wrong method": (405, {"msg": "…"}),
    "get with the token of a deleted user": (401, {"msg": "Access Token Expired"}),
}

BARE = ""
SLASH = "/"


class Answer(NamedTuple):
    """A status, and a body that is JSON if it can be read as such."""

    status: int
    body: Any

    def like(self, expected: Answer) -> Answer:
        """Return this answer with what no recording can foretell put as ``expected`` puts it."""
        return Answer(self.status, _like(self.body, expected.body))


def _like(body: Any, expected: Any) -> Any:
    if not isinstance(body, dict) or not isinstance(expected, dict):
        return body
    body = {name: value for name, value in body.items() if name not in GAINED or name in expected}
    if expected.get("access_token") == "<jwt>" and JWT.fullmatch(body.get("access_token", "")):
        body["access_token"] = "<jwt>"
    if expected.get("msg") == "…" and body.get("msg"):
        body["msg"] = "…"
    return body


def recorded(case: str) -> Answer:
    return Answer(**RECORDED[case]["response"])


def expected(case: str) -> Answer:
    return Answer(*DEPARTURES[case]) if case in DEPARTURES else recorded(case)


def replay(slash: str) -> Iterator[tuple[str, Answer]]:
    """Send every recorded request, and yield what is answered."""
    client, tokens = APIClient(raise_request_exception=False), {"garbage": "garbage"}
    for case, entry in RECORDED.items():
        if case == "get with the token of a deleted user":
            User.objects(username="bob").delete()
        answer = _send(client, slash, tokens, **entry["request"])
        if answer.status == 200 and "access_token" in answer.body:
            tokens[entry["request"]["body"]["username"]] = answer.body["access_token"]
        yield case, answer


def _send(
    client: APIClient, slash: str, tokens: dict[str, str], *, method: str, path: str, **rest: Any
) -> Answer:
    body, bearer = rest["body"], rest["bearer"]
    text = body if isinstance(body, str) else json.dumps(body)
    response = client.generic(
        method,
        path.rstrip("/") + SLASH if slash else path,
        "" if body is None else text,
        content_type="application/json",
        headers={"Authorization": f"Bearer {tokens[bearer]}"} if bearer else {},
    )
    is_json = response["Content-Type"] == "application/json"
    return Answer(response.status_code, response.json() if is_json else response.content.decode())


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], Answer]:
    """Every case's answer, by the case and how its path ends: each builds on those before it."""
    found = {}
    for slash in (BARE, SLASH):
        found.update({(case, slash): answer for case, answer in replay(slash)})
        empty_store()
    return found


@pytest.mark.parametrize("slash", [BARE, SLASH], ids=["bare", "slash"])
@pytest.mark.parametrize("case", RECORDED)
def test_the_answer_is_as_recorded_or_departs_as_listed(
    case: str, slash: str, answers: dict[tuple[str, str], Answer]
) -> None:
    assert answers[case, slash].like(expected(case)) == expected(case)


@pytest.mark.parametrize("case", DEPARTURES)
def test_a_listed_departure_still_departs(
    case: str, answers: dict[tuple[str, str], Answer]
) -> None:
    assert answers[case, BARE].like(recorded(case)) != recorded(case)


def test_a_login_answers_with_its_tokens_and_nothing_else(
    answers: dict[tuple[str, str], Answer],
) -> None:
    assert set(answers["login", BARE].body) == {"access_token", *GAINED}

"""The stand-in of the Flask service answers, and stores, as the original does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from tests.conftest import uri_of
from tests.processes import ORIGINAL, FlaskService
from tests.templates_app.flask.test_flask_answers import RECORDED, Answer, recorded

pytestmark = pytest.mark.wire
needs_original = pytest.mark.skipif(
    not ORIGINAL, reason="TESTS_FLASK_APP does not name the Flask service itself"
)
# What was not recorded: what it stores unasked, and what it did not expect. In this order.
BEYOND: list[tuple[str, Any, str | None]] = [
    ("/api/v1/users", {"username": "eve", "password": "e", "is_superuser": True, "_id": 5}, None),
    ("/api/v1/users", {"username": "adam", "password": "a", "_id": 5}, None),
    ("/api/v1/users", {"username": 7, "password": "seven"}, None),
    ("/api/v1/users", {"username": "", "password": ""}, None),
    ("/api/v1/users", {"username": "x", "password": 5}, None),
    ("/api/v1/users", {"username": "x", "password": "x", "a.b": 1, "$c": 1}, None),
    ("/api/v1/users", ["a list"], None),
    ("/api/v1/users", None, None),
    ("/api/v1/login", {"username": "eve", "password": "e"}, None),
    ("/api/v1/login", {"username": 7, "password": "seven"}, None),
    ("/api/v1/login", {"password": "e"}, None),
    ("/create", {"template": 5}, "eve"),
    ("/create", {"template": None}, "eve"),
    ("/create", {"template": ["a", {"b": 1}]}, "eve"),
    ("/create", {"template": "a"}, "eve"),
    ("/create", {"template": {"a.b": 1}}, "eve"),
    ("/create", {"template": {"$set": 1}}, "eve"),
    ("/create", {"template": {"$ne": 5}}, "eve"),
    ("/create", {"template": 2**70}, "eve"),
    ("/create", '{"template": "one", "template": "two"}', "eve"),
    ("/create", "{", "eve"),
    ("/create", {"template": "a"}, "a.b.c"),
    ("/update", {"old_template": 5}, "eve"),
    ("/update", {"old_template": 5, "new_template": "a"}, "eve"),
    ("/update", {"new_template": 6}, "eve"),
    ("/delete", {"template": None}, "eve"),
    ("/delete", {"template": {"$ne": "a"}}, "eve"),
    ("/delete", {}, "eve"),
    ("/get/", {}, "eve"),
    ("/nowhere", {}, "eve"),
]


def running(original: bool, database: Database[Any], tmp_path: Path) -> FlaskService:
    for collection in (database["users"], database["templates"]):
        collection.delete_many({})
    log = tmp_path / f"{original}.log"
    return FlaskService(log, ORIGINAL if original else None, MONGODB_URI=uri_of(database))


class Caller:
    """Sends requests, and keeps the tokens that it is given by name."""

    def __init__(self, service: FlaskService) -> None:
        self.service = service
        self.tokens: dict[str, str] = {}

    def send(self, method: str, path: str, body: Any, bearer: str | None) -> Answer:
        """Return what is answered, with a token or a page of HTML as the recording has it."""
        token = self.tokens.get(bearer, bearer) if bearer else ""
        answer = self.service.request(method, path, body, token)
        if answer.headers.get_content_type() != "application/json":
            return Answer(answer.status, answer.text[:80])
        if "access_token" not in answer.json:
            return Answer(answer.status, answer.json)
        self.tokens[str(body["username"])] = answer.json["access_token"]
        return Answer(answer.status, answer.json | {"access_token": "<jwt>"})


@pytest.mark.parametrize(
    "original", [False, pytest.param(True, marks=[needs_original, pytest.mark.long])]
)
def test_it_answers_as_recorded(
    original: bool, flask_database: Database[Any], tmp_path: Path
) -> None:
    with running(original, flask_database, tmp_path) as service:
        caller = Caller(service)
        for case, entry in RECORDED.items():
            if case == "get with the token of a deleted user":
                flask_database["users"].delete_one({"username": "bob"})
            assert caller.send(**entry["request"]) == recorded(case), case


@pytest.mark.long
@needs_original
def test_beyond_the_recording_both_answer_and_store_alike(
    flask_database: Database[Any], tmp_path: Path
) -> None:
    found = []
    for original in (False, True):
        with running(original, flask_database, tmp_path) as service:
            caller = Caller(service)
            answers = [caller.send("POST", *request) for request in BEYOND]
            answers.append(caller.send("GET", "/get", None, "eve"))
        stored = [
            [{name: v for name, v in each.items() if name != "_id" or v == 5} for each in there]
            for there in (flask_database["users"].find(), flask_database["templates"].find())
        ]
        found.append((answers, stored))
    assert found[0] == found[1]

"""The Postman collection in ``docs/``: made of the schema as it is now, and fit to be sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from templatesvc.management.commands import postman
from tests.docs.markdown import document
from tests.docs.test_routes import TESTS_OWN
from tests.docs.test_schema import operations, schema
from tests.processes import manage

NAME = "docs/postman_collection.json"


def collection() -> dict[str, Any]:
    return json.loads(document(NAME))


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each request with its folder."""
    for folder in collection()["item"]:
        for item in folder["item"]:
            yield folder["name"], item


def item(name: str) -> dict[str, Any]:
    (found,) = (each for _, each in requests() if each["name"] == name)
    return found


@pytest.mark.process
def test_the_collection_is_what_make_postman_writes_now(tmp_path: Path) -> None:
    manage("postman", "--file", str(tmp_path / "collection.json"), MONGODB_URI="mongomock://")
    assert (tmp_path / "collection.json").read_text() == document(NAME), "run: make postman"


def test_it_has_every_operation_in_the_folder_of_its_tag_but_those_that_come_first() -> None:
    found = {(folder, each["name"], each["request"]["method"]) for folder, each in requests()}
    assert found == {
        (
            "log in" if each.id in ("register", "login") else each.content["tags"][0],
            each.id,
            each.method.upper(),
        )
        for each in operations()
        if not each.path.startswith(TESTS_OWN)
    }


def test_every_variable_that_it_uses_is_declared() -> None:
    declared = {each["key"] for each in collection()["variable"]}
    used = {part.partition("}}")[0] for part in document(NAME).split("{{")[1:]}
    assert used == declared | {"$guid"}


def test_the_log_in_keeps_the_tokens_which_the_other_requests_send() -> None:
    login = item("login")
    assert login["request"]["auth"] == {"type": "noauth"}
    assert json.loads(login["request"]["body"]["raw"])["username"] == "{{username}}"
    (event,) = login["event"]  # after the answer
    assert event["listen"] == "test"
    assert "pm.collectionVariables.set" in "".join(event["script"]["exec"])
    assert collection()["auth"]["bearer"] == [{"key": "token", "value": "{{access_token}}"}]
    assert "auth" not in item("list_templates")["request"]


def test_what_is_optional_is_sent_only_when_somebody_wants_it() -> None:
    request = item("replace_template")["request"]
    assert [each["key"] for each in request["header"] if not each.get("disabled")] == [
        "Content-Type"
    ]
    query = item("list_templates")["request"]["url"]["query"]
    assert all(each["disabled"] for each in query)
    assert {"limit", "cursor", "template.author"} <= {each["key"] for each in query}
    assert request["url"]["raw"] == "{{base_url}}/api/v1/templates/:id"


def test_who_goes_from_top_to_bottom_registers_first_and_leaves_last() -> None:
    names = [each["name"] for _, each in requests()]
    assert names[:2] == ["register", "login"]
    assert names[-4:] == ["end_session", "logout", "logout_all", "delete_me"]
    assert names.index("create_template") < names.index("get_template")
    assert names.index("delete_template") < names.index("list_deleted_templates")


def test_each_id_is_that_of_its_own_kind() -> None:
    ids = {
        each["request"]["url"]["path"][2]: variable["value"]
        for _, each in requests()
        for variable in each["request"]["url"]["variable"]
        if variable["key"] == "id"
    }
    assert ids == {
        "templates": "{{template_id}}",
        "sessions": "{{session_id}}",
        "users": "{{user_id}}",
    }


def test_any_resource_keeps_its_id_for_the_requests_after_its_creation() -> None:
    made = postman.collection(schema())
    (films,) = (folder["item"] for folder in made["item"] if folder["name"] == "films")
    names = [each["name"] for each in films]
    steps = ["create_film", "get_film", "restore_film", "delete_film", "list_deleted_films"]
    assert [name for name in names if name in steps] == steps
    create, get = (films[names.index(name)] for name in steps[:2])
    script = "".join(create["event"][0]["script"]["exec"])
    assert "pm.collectionVariables.set('film_id', pm.response.json().id)" in script
    assert get["request"]["url"]["variable"][0]["value"] == "{{film_id}}"
    assert {"key": "film_id", "value": "unknown"} in made["variable"]

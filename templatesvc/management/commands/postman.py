"""Make a Postman collection of the OpenAPI schema."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from drf_spectacular.generators import SchemaGenerator

from templatesvc.management.service_command import ServiceCommand

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
FILE = settings.BASE_DIR / "docs" / "postman_collection.json"
# Scripts that hand values from answers to later requests.
KEEP_TOKENS = [
    "const answer = pm.response.json();",
    "for (const name of ['access_token', 'refresh_token']) {",
    "  if (answer[name]) pm.collectionVariables.set(name, answer[name]);",
    "}",
]
KEEP_NEW = [
    "if (pm.response.code === 201) {",
    "  pm.collectionVariables.set('{variable}', pm.response.json().id);",
    "  pm.collectionVariables.set('etag', pm.response.headers.get('ETag'));",
    "}",
]
KEEP_SESSION = [
    "const [session] = pm.response.json().results || [];",
    "if (session) pm.collectionVariables.set('session_id', session.id);",
]
KEEP_PASSWORD = [
    "if (pm.response.code < 300) {",
    "  const sent = JSON.parse(pm.request.body.raw);",
    "  pm.collectionVariables.set('password', sent.new_password);",
    "}",
]
SCRIPTS = {
    "login": KEEP_TOKENS,
    "refresh_token": KEEP_TOKENS,
    "change_password": [*KEEP_PASSWORD, *KEEP_TOKENS],
    "list_sessions": KEEP_SESSION,
}
# For requests that need a new session, because the request before them ended it.
LOG_IN_AGAIN = [
    "const person = {};",
    "for (const name of ['username', 'password']) {",
    "  person[name] = pm.variables.get(name);",
    "}",
    "pm.sendRequest({",
    "  url: pm.variables.get('base_url') + '/api/v1/login',",
    "  method: 'POST',",
    "  header: {'Content-Type': 'application/json'},",
    "  body: {mode: 'raw', raw: JSON.stringify(person)},",
    "}, (error, answer) => {",
    "  if (error || answer.code !== 200) return;",
    "  for (const [name, value] of Object.entries(answer.json())) {",
    "    if (name.endsWith('_token')) pm.collectionVariables.set(name, value);",
    "  }",
    "});",
]
SCRIPTS_BEFORE = dict.fromkeys(("logout", "logout_all", "delete_me"), LOG_IN_AGAIN)
# The order in which all requests of a folder can be sent from top to bottom: requests that others
# need come first, and those that end things last. The rest is in the order of the paths.
EARLY = ("register", "login")
STEPS = (  # with a document that was created
    *("create_{}", "get_{}", "replace_{}", "update_{}"),
    *("list_{}_versions", "get_{}_version", "restore_{}"),
)
LATE = ("change_password", "list_sessions", "end_session", "logout", "logout_all", "delete_me")
FIRST_FOLDER, LAST_FOLDER = "log in", "accounts"
# Variables of the collection in place of the schema's examples.
VARIABLES = {
    "access_token": "{{access_token}}",
    "refresh_token": "{{refresh_token}}",
    "token": "{{access_token}}",
    "username": "{{username}}",
    "password": "{{password}}",
    "current_password": "{{password}}",
}


class Command(ServiceCommand):
    help = "Write docs/postman_collection.json, a Postman collection generated from the schema."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", type=Path, default=FILE, help="where to write it")

    def handle(self, *, file: Path, **options: Any) -> None:
        schema = SchemaGenerator().get_schema(request=None, public=True)
        file.write_text(json.dumps(collection(schema), indent=2, ensure_ascii=False) + "\n")
        self.stdout.write(f"Wrote {file}.")


def collection(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a collection (format 2.1), with a folder for each tag, and variables."""
    operations = {each[2]["operationId"]: each for each in _operations(schema)}
    folders: dict[str, list[dict[str, Any]]] = {}
    for name in _in_order(operations):
        path, method, operation = operations[name]
        folders.setdefault(_folder(operation), []).append(_item(path, method, operation))
    values = {
        "base_url": "http://127.0.0.1:8000",
        "username": "ada",
        "password": "note-g-of-1843",
        **dict.fromkeys(("access_token", "refresh_token", "etag"), ""),
        **{_id_of(path): "unknown" for path in schema["paths"] if "{id}" in path},
    }
    return {
        "info": {
            "name": schema["info"]["title"],
            "description": "Register, log in, and go on: the log-in keeps the tokens for the rest.",
            # The same each time, so that only real changes differ.
            "_postman_id": str(uuid.uuid5(uuid.NAMESPACE_URL, schema["info"]["title"])),
            "schema": FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [_pair("token", "{{access_token}}")]},
        "variable": [{"key": key, "value": value} for key, value in values.items()],
        "item": [
            {"name": name, "item": folders[name]} for name in sorted(folders, key=_folder_place)
        ],
    }


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _in_order(names: Iterable[str]) -> list[str]:
    """Return the names of operations in the order in which their requests can be sent."""
    names = [*names]
    created = [name.removeprefix("create_") for name in names if name.startswith("create_")]
    early = [*EARLY, *(step.format(each) for each in created for step in STEPS)]
    late = [name for name in names if "delete" in name.split("_") and name not in LATE]
    late += [name for name in names if name.startswith("list_deleted_")]
    late += LATE
    rest = [name for name in names if name not in early and name not in late]
    return [name for name in [*early, *rest, *late] if name in names]


def _folder(operation: dict[str, Any]) -> str:
    is_first = operation["operationId"] in ("register", "login")
    return FIRST_FOLDER if is_first else str(operation["tags"][0])


def _folder_place(name: str) -> tuple[bool, bool, str]:
    return name == LAST_FOLDER, name != FIRST_FOLDER, name


def _item(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return the request of an operation."""
    parameters = operation.get("parameters", [])
    types = operation.get("requestBody", {}).get("content", {})
    request = {
        "method": method.upper(),
        "description": operation["description"],
        "header": [*_headers(parameters), *(_pair("Content-Type", each) for each in [*types][:1])],
        "url": _url(path, parameters),
    }
    if types:
        request["body"] = _body(*next(iter(types.items())))
    if not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    item = {"name": operation["operationId"], "request": request, "response": []}
    name = operation["operationId"]
    after = SCRIPTS.get(name)
    if name.startswith("create_"):
        after = [line.replace("{variable}", _id_of(path)) for line in KEEP_NEW]
    if events := [
        {"listen": listen, "script": {"type": "text/javascript", "exec": script}}
        for listen, script in (("prerequest", SCRIPTS_BEFORE.get(name)), ("test", after))
        if script
    ]:
        item["event"] = events
    return item


def _pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


def _headers(parameters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the headers of a request, which are disabled until somebody enables them."""
    for parameter in parameters:
        if parameter["in"] == "header":
            example = "{{etag}}" if parameter["name"].startswith("If-") else "{{$guid}}"
            yield _pair(parameter["name"], example) | _optional(parameter)


def _url(path: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    segments = [re.sub(r"^\{(\w+)\}$", r":\1", part) for part in path.strip("/").split("/")]
    return {
        "raw": "{{base_url}}/" + "/".join(segments),
        "host": ["{{base_url}}"],
        "path": segments,
        "query": [
            _pair(name, _text(value)) | _optional(parameter)
            for parameter in parameters
            if parameter["in"] == "query"
            for name, value in _exploded(parameter)
        ],
        "variable": [
            _pair(each["name"], _path_value(path, each))
            | {"description": each.get("description", "")}
            for each in parameters
            if each["in"] == "path"
        ],
    }


def _path_value(path: str, parameter: dict[str, Any]) -> str:
    is_id = parameter["name"] == "id"
    return f"{{{{{_id_of(path)}}}}}" if is_id else _text(_example(parameter))


def _id_of(path: str) -> str:
    """Return the variable for the id in a path: that of ``/sessions/{id}`` is ``session_id``."""
    before = path.partition("/{id}")[0].rpartition("/")[2]
    return f"{before.removesuffix('s')}_id"


def _exploded(parameter: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the names and values that a parameter is sent as: an object, as its members."""
    example = _example(parameter)
    return list(example.items()) if isinstance(example, dict) else [(parameter["name"], example)]


def _example(parameter: dict[str, Any]) -> Any:
    return parameter["schema"]["examples"][0]


def _optional(parameter: dict[str, Any]) -> dict[str, Any]:
    return {"description": parameter.get("description", ""), "disabled": True}


def _body(media_type: str, content: dict[str, Any]) -> dict[str, Any]:
    example = content["example"]
    if isinstance(example, dict):
        example = {name: VARIABLES.get(name, value) for name, value in example.items()}
        example = json.dumps(example, indent=2, ensure_ascii=False)
    language = "json" if "json" in media_type else "text"
    return {"mode": "raw", "raw": example, "options": {"raw": {"language": language}}}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

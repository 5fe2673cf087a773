"""The OpenAPI schema: complete, and no more than what the service does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import jsonschema
import pytest
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from marshmallow import ValidationError

from templatesvc.api.pagination import KeysetPagination
from templatesvc.api.problem_types import problem_types
from templatesvc.settings import _contact
from tests.docs.test_routes import mapped
from tests.resources import RESOURCES

# Pages for people, and the scraper's route, whose format is Prometheus's.
PAGES = {"/api/v1/docs", "/api-auth/login", "/api-auth/logout", "/api-auth/register", "/metrics"}
PROBLEM_JSON = "application/problem+json"


@cache
def schema() -> dict[str, Any]:
    """Return the schema as a program reads it."""
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True)))


class Operation(NamedTuple):
    path: str
    method: str
    content: dict[str, Any]

    @property
    def id(self) -> str:
        return self.content["operationId"]

    @property
    def answers(self) -> dict[str, Any]:
        return self.content["responses"]

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Yield the media type objects of the body and of each answer, with where they are."""
        for media_type, body in self.content.get("requestBody", {}).get("content", {}).items():
            yield f"request {media_type}", body
        for status, answer in self.answers.items():
            for media_type, body in answer.get("content", {}).items():
                yield f"{status} {media_type}", body


def operations() -> list[Operation]:
    return [
        Operation(path, method, content)
        for path, methods in schema()["paths"].items()
        for method, content in methods.items()
    ]


def resolved(part: Any) -> Any:
    """Return what a part refers to."""
    while "$ref" in part:
        kind, name = part["$ref"].split("/")[-2:]
        part = schema()["components"][kind][name]
    return part


def assert_fits(example: Any, part: dict[str, Any]) -> None:
    jsonschema.validate(
        example,
        part | {"components": schema()["components"]},
        jsonschema.Draft202012Validator,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def statuses(operation_id: str) -> set[str]:
    (operation,) = (each for each in operations() if each.id == operation_id)
    return set(operation.answers)


every_operation = pytest.mark.parametrize("operation", operations(), ids=lambda each: each.id)


def test_the_schema_has_every_route_but_the_pages() -> None:
    described: dict[str, set[str]] = {}
    for operation in operations():
        described.setdefault(operation.path, set()).add(operation.method.upper())
    routes = mapped(get_resolver().url_patterns, "/")
    assert described == {
        path: methods
        for path, methods in routes
        if path not in PAGES and not path.startswith("/admin")
    }


def test_the_overview_names_only_routes_headers_and_codes_that_there_are() -> None:
    overview = schema()["info"]["description"]
    routes = set(re.findall(r"`(?:(GET|POST|PUT|PATCH|DELETE) )(/[^`]*)`", overview))
    assert routes
    assert routes <= {(each.method.upper(), each.path) for each in operations()}
    statuses = set(re.findall(r"\b[345]\d\d\b", overview))
    known = {str(each.status) for each in problem_types().values()} | {"304"}
    assert statuses <= known
    assert str(KeysetPagination.max_count) in overview


def test_every_operation_has_a_name_of_its_own_that_a_method_can_have() -> None:
    names = [operation.id for operation in operations()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name)] == []


@every_operation
def test_an_operation_says_what_it_does_and_where_it_belongs(operation: Operation) -> None:
    description, summary = operation.content["description"], operation.content["summary"]
    assert description.endswith((".", ":"))
    assert description.startswith(summary)
    assert 10 < len(summary) < 90
    assert len(operation.content["tags"]) == 1


def test_every_tag_is_described_and_used() -> None:
    described = {tag["name"]: tag["description"] for tag in schema()["tags"]}
    assert set(described) == {tag for each in operations() for tag in each.content["tags"]}
    assert all(text.endswith(".") for text in described.values())


def test_the_schema_names_its_licence_whom_to_ask_and_where_it_is() -> None:
    assert schema()["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert schema()["info"]["contact"] == {"name": "The operators of this service"}
    assert [server["url"] for server in schema()["servers"]] == ["/"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("https://example.org/help", {"url": "https://example.org/help"}),
        ("ada@example.org", {"email": "ada@example.org"}),
    ],
)
def test_a_setting_says_whom_to_ask(given: str, said: dict[str, str]) -> None:
    assert _contact(given) == said


def test_what_is_neither_a_page_nor_an_address_is_nobody_to_ask() -> None:
    with pytest.raises(ValidationError):
        _contact("somebody")


def test_nothing_is_of_several_types_which_generators_of_clients_get_wrong() -> None:
    several = {"oneOf": r'"oneOf"', "anyOf": r'"anyOf"', "types": r'"type": \["\w+", "(?!null)'}
    for name, component in schema()["components"]["schemas"].items():
        text = json.dumps({key: part for key, part in component.items() if key != "not"})
        text = re.sub(r'"not": \{.*?\]\}', "", text)
        # An object or null, which they take for an object that may be missing.
        text = re.sub(r'"oneOf": \[\{"\$ref": "[^"]+"\}, \{"type": "null"\}\]', "", text)
        found = {kind for kind, pattern in several.items() if re.search(pattern, text)}
        assert found <= ({"oneOf"} if "NullEnum" in text else set()), name


def test_an_integer_beyond_32_bits_says_so() -> None:
    text = json.dumps(schema())
    for part in re.findall(r'\{[^{}]*"type": "integer"[^{}]*\}', text):
        integer = json.loads(part)
        is_long = abs(integer.get("maximum", 0)) >= 2**31
        assert (integer.get("format") == "int64") == is_long
    for name in ("Template", "TemplateVersion", "DeletedTemplateRow", "FullTemplateVersion"):
        assert schema()["components"]["schemas"][name]["properties"]["version"]["format"] == "int64"


def every_schema(part: Any) -> Iterator[dict[str, Any]]:
    """Yield each object in a part of the schema, but nothing of what stands under a ``not``."""
    if isinstance(part, dict):
        yield part
    children = part.items() if isinstance(part, dict) else enumerate(part)
    for name, child in children:
        if name not in ("not", "examples", "example") and isinstance(child, dict | list):
            yield from every_schema(child)


def test_a_length_stands_beside_the_type_that_it_is_of() -> None:
    # Beside none, C# asks an object for its length, and Ruby measures how it is printed.
    texts = [each for each in every_schema(schema()) if each.keys() & {"minLength", "maxLength"}]
    assert texts
    for each in texts:
        assert "string" in each.get("type", ""), each


def test_a_token_is_the_only_way_to_log_in_that_generators_see() -> None:
    assert list(schema()["components"]["securitySchemes"]) == ["bearer"]
    assert {name for each in operations() for way in each.content["security"] for name in way} == {
        "bearer"
    }


def test_an_operation_that_needs_no_authentication_says_so() -> None:
    open_to_all = {each.id for each in operations() if each.content["security"] == []}
    assert {"login", "register", "get_schema", "get_liveness"} <= open_to_all
    assert "list_templates" not in open_to_all


def test_the_example_of_a_problem_is_that_of_its_code() -> None:
    (read,) = (each for each in operations() if each.id == "get_problem_type")
    example = read.answers["200"]["content"]["application/json"]["example"]
    assert example["example"] == problem_types()[example["code"]].example


@every_operation
def test_everything_in_an_operation_has_an_example_that_fits(operation: Operation) -> None:
    parts = [*operation.bodies()]
    for status, answer in operation.answers.items():
        parts += [(f"{status} {name}", each) for name, each in answer.get("headers", {}).items()]
    for where, part in parts:
        examples = [resolved(each)["value"] for each in part.get("examples", {}).values()]
        for example in examples or [part["example"]]:
            assert_fits(example, part["schema"])
            assert example is not None, where
    for parameter in operation.content.get("parameters", []):
        (example,) = parameter["schema"]["examples"]
        assert_fits(example, parameter["schema"])


@every_operation
def test_an_error_is_a_problem_or_the_flask_services_sentence(operation: Operation) -> None:
    expected = {"application/json"} if operation.content["tags"] == ["flask"] else {PROBLEM_JSON}
    for status, answer in operation.answers.items():
        if status >= "400" and operation.id != "get_readiness":
            assert set(answer["content"]) == expected, status


@every_operation
def test_the_examples_of_an_error_are_the_documents(operation: Operation) -> None:
    for status, answer in operation.answers.items():
        for code, example in (
            answer.get("content", {}).get(PROBLEM_JSON, {}).get("examples", {}).items()
        ):
            assert resolved(example)["value"] == problem_types()[code].example
            assert problem_types()[code].status == int(status)


def test_errors_follow_from_what_an_operation_is() -> None:
    always = {"401", "403", "406", "503"}
    body = {"400", "413", "415"}
    assert statuses("list_templates") == {"200", "400", "429"} | always
    assert statuses("get_template") == {"200", "304", "404", "412"} | always
    assert statuses("create_template") == {"201", "409", "422"} | body | always
    changed = {"404", "409", "412", "428"} | body | always
    assert statuses("replace_template") == {"200"} | changed
    assert statuses("restore_template") == {"200", "201"} | changed
    assert statuses("delete_template") == {"204", "404", "409", "412", "428"} | always
    assert statuses("get_liveness") == {"200"}


def test_answers_have_the_headers_that_clients_need() -> None:
    headers = {
        (operation.id, status): set(answer.get("headers", {}))
        for operation in operations()
        for status, answer in operation.answers.items()
    }
    assert headers["create_template", "201"] == {"ETag", "Location", "Idempotency-Replayed"}
    assert headers["get_template", "304"] == {"ETag"}
    assert headers["list_templates", "200"] == {"Link"}
    assert headers["get_me", "401"] == {"WWW-Authenticate"}
    assert headers["login", "429"] == headers["get_me", "503"] == {"Retry-After"}
    assert headers["create_template", "409"] == {"Retry-After"}
    assert headers["replace_template", "409"] == set()
    assert headers["update_template", "415"] == {"Accept-Patch"}
    assert headers["replace_template", "415"] == set()


def test_only_a_patch_takes_a_merge_patch() -> None:
    merging = {op.id for op in operations() for where, _ in op.bodies() if "merge-patch" in where}
    assert merging == {f"update_{admin.document.names.slug}" for admin in RESOURCES}

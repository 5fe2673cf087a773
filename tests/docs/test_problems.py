"""The document of problem types, the code and the pages, each held to the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework.exceptions import APIException, Throttled

from templatesvc.api.problem_types import ProblemType, problem_types
from templatesvc.api.problems import PHRASES
from tests.conftest import Person
from tests.docs.markdown import ROOT, document, section, spans

PACKAGES = ("templatesvc", "accounts", "templates_app")
every_type = pytest.mark.parametrize("known", problem_types().values(), ids=problem_types())


def subclasses(kind: type[APIException]) -> Iterator[type[APIException]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def errors() -> list[type[APIException]]:
    """Return every error that can be raised, of this service and of what it is built on."""
    assert get_resolver().url_patterns  # all views, and so all errors, are imported
    # Throttled's own code is never sent: this service has a name for what it limits.
    named = (e for e in subclasses(APIException) if e.default_code != Throttled.default_code)
    return [APIException, *named]


def own_codes() -> Iterator[tuple[str, str]]:
    """Yield each code that stands in a call of the code, with the name of what is called."""
    for package in PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                for word in node.keywords if isinstance(node, ast.Call) else []:
                    if word.arg == "code" and isinstance(word.value, ast.Constant):
                        yield ast.unparse(node.func).rpartition(".")[2], str(word.value.value)


def test_the_document_explains_every_error_and_no_other() -> None:
    assert {error.default_code for error in errors()} == set(problem_types())


def test_every_section_of_the_document_is_read() -> None:
    headings = re.findall(r"^## (.*)$", document("docs/problems.md"), re.M)
    assert list(problem_types()) == headings
    assert [known.status for known in problem_types().values()] == sorted(
        known.status for known in problem_types().values()
    )


@every_type
def test_an_example_is_of_its_type(known: ProblemType) -> None:
    assert {error.status_code for error in errors() if error.default_code == known.code} == {
        known.status
    }
    assert known.example == known.example | {
        "type": f"/problems/{known.code}",
        "title": PHRASES[known.status],
        "status": known.status,
        "code": known.code,
    }


def test_only_the_errors_of_fields_have_codes_that_are_not_their_classes() -> None:
    assert {name for name, _ in own_codes()} == {"ValidationError"}


def test_the_document_names_the_codes_of_fields() -> None:
    assert {code for _, code in own_codes()} <= set(spans(section("docs/problems.md", "invalid")))


@every_type
def test_the_type_of_an_error_leads_to_its_explanation(known: ProblemType, client: Any) -> None:
    answer = client.get(known.type)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "type": known.type,
        "title": known.title,
        "status": known.status,
        "code": known.code,
        "when": known.when,
        "example": known.example,
        "remedy": known.remedy,
    }


@every_type
def test_a_browser_gets_a_page(known: ProblemType, client: Any) -> None:
    answer = client.get(known.type, HTTP_ACCEPT="text/html,*/*;q=0.8")
    assert answer["Content-Type"].startswith("text/html")
    text = re.sub(r"</?code>", "`", answer.content.decode())
    assert all(part in unescape(text) for part in (known.when, known.remedy, known.example_text))


def test_an_error_that_somebody_gets_names_such_a_type(alice: Person) -> None:
    problem = alice.client.get("/api/v1/templates/nothing").json()
    assert alice.client.get(problem["type"]).json()["code"] == problem["code"] == "not_found"


def test_all_types_are_listed(client: Any) -> None:
    assert [each["code"] for each in client.get("/problems").json()["results"]] == list(
        problem_types()
    )
    page = client.get("/problems/", HTTP_ACCEPT="text/html").content.decode()
    assert all(f'href="{known.type}"' in page for known in problem_types().values())


def test_a_type_that_is_none_is_not_found(client: Any) -> None:
    answer = client.get("/problems/no_such_code")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    page = client.get("/problems/no_such_code", HTTP_ACCEPT="text/html")
    assert (page.status_code, page["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "This page does not exist." in page.content.decode()

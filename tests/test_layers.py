"""Who may know whom: nothing imports what stands above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from templatesvc.mongo.resources import ResourceDocument
from tests.processes import ROOT

# From the bottom to the top. Those of one layer do not know one another.
LAYERS = [
    ["templatesvc.mongo"],
    ["templatesvc.api"],
    ["templatesvc.ops", "templatesvc.server"],
    ["templatesvc.admin"],
    ["accounts"],
    ["templates_app"],
]
PLACES = {room: place for place, rooms in enumerate(LAYERS) for room in rooms}
FILES = [path for room in PLACES for path in (ROOT / room.replace(".", "/")).rglob("*.py")]


# Django's own: what a page is made from.
DJANGOS = re.compile(
    r"django\.template|template_name|base_template|render_to_string|loader"
    r"|Django's templates|template escapes|template that shows"
    r"|\btemplate ?[:=] |self\.template\b|TemplateCommand|_template"
)


def words() -> set[str]:
    """Return what apps call their documents, which what is generic must not know."""
    documents: Any = ResourceDocument.concrete_classes()
    return {word for each in documents for word in (each.names.singular, each.names.plural)}


def room_of(module: str) -> str | None:
    return next((room for room in PLACES if f"{module}.".startswith(f"{room}.")), None)


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it but for types alone."""
    tree = ast.parse(path.read_text())
    for_types = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    skipped = {id(node) for each in for_types for node in ast.walk(each)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_nothing_from_above(path: Path) -> None:
    own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert own
    others = {room for module in imported(path) if (room := room_of(module)) and room != own}
    assert {room for room in others if PLACES[room] >= PLACES[own]} == set()


GENERIC = [path for path in FILES if path.relative_to(ROOT).parts[0] != "templates_app"]


@pytest.mark.parametrize("path", GENERIC, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_generic_names_no_document_of_an_app(path: Path) -> None:
    named = re.compile(rf"\b({'|'.join(words())})\b", re.IGNORECASE)
    lines = [line for line in path.read_text().splitlines() if not DJANGOS.search(line)]
    assert [line for line in lines if named.search(line)] == []

"""What the documents name is there: files, sections, make's targets, markers, names in the code."""

from __future__ import annotations

import configparser
import os.path
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.docs.markdown import ROOT, bare, blocks, document, section, spans, table, without_blocks

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|txt|toml|cfg|yaml|svg)|[\w.-]+(?:/[\w.-]+)*/")
# Files that come to be: a fresh clone has none of them.
MADE = {"var/"}
# What the tutorial makes.
TUTORIALS = ("books/", "tests/books/")


def linked(name: str) -> list[str]:
    """Return the files that a document links to, from the top."""
    links = re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", document(name))
    return [os.path.normpath(Path(name).parent / link) for link in links]


def anchors(name: str) -> set[str]:
    """Return what a link can name of a document: its headings, as GitHub writes them in a URL."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(document(name)), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    named = {span for span in spans(document(name)) if FILE.fullmatch(span)} - MADE
    missing = {file for file in named | set(linked(name)) if not (ROOT / file).exists()}
    missing = {file for file in missing if not file.startswith(TUTORIALS)}
    assert {file for file in missing if not list(ROOT.glob(f"*/{file}"))} == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_section_that_a_document_links_to_is_there(name: str) -> None:
    for link, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", document(name)):
        target = os.path.normpath(Path(name).parent / link) if link else name
        assert anchor in anchors(target)


def test_links_lead_from_the_readme_to_every_page_and_picture() -> None:
    found, ahead = set(), ["README.md"]
    while ahead:
        name = ahead.pop()
        if name not in found and name.endswith(".md"):
            ahead += linked(name)
        found.add(name)
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert files - found == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_target_of_make_that_a_document_names_is_there(name: str) -> None:
    code = [*spans(document(name)), *blocks(document(name))]
    named = {target for text in code for target in re.findall(r"^make ([\w-]+)", text, re.M)}
    targets = set(re.findall(r"^([\w-]+):", document("Makefile"), re.M))
    assert named - targets == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_name_is_in_the_file_that_the_document_says(name: str) -> None:
    text = re.sub(r"\s+", " ", document(name))
    for symbol, file in re.findall(r"`(\w+)` in `([\w/]+\.py)`", text):
        assert re.search(rf"^(class|def) {symbol}\b|^{symbol}\b", document(file), re.M), symbol


@pytest.mark.parametrize("heading", ["field", "route", "setting", "document to the admin"])
def test_how_to_add_something_names_the_files_of_each_step(heading: str) -> None:
    steps = re.findall(r"^\d+\. ", section("CONTRIBUTING.md", f"How to add a {heading}"), re.M)
    files = [
        span
        for span in spans(section("CONTRIBUTING.md", f"How to add a {heading}"))
        if FILE.fullmatch(span)
    ]
    assert len(files) >= len(steps) >= 4


def test_contributing_explains_the_markers_that_there_are() -> None:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    lines = configuration["tool:pytest"]["markers"].strip().splitlines()
    markers = {line.partition(":")[0] for line in lines}
    explained = {bare(row[0]) for row in table(section("CONTRIBUTING.md", "Tests"))}
    assert explained == markers


def test_the_changelog_begins_with_the_version_of_the_schema() -> None:
    versions = re.findall(
        r"^## \[([^]]+)\] - (Unreleased|\d{4}-\d\d-\d\d)$", document("CHANGELOG.md"), re.M
    )
    assert versions[0][0] == settings.SPECTACULAR_SETTINGS["VERSION"]

"""The picture of the files that a request passes, held to a request."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import Person
from tests.docs.markdown import ROOT, document

PICTURE = "docs/request.svg"
# Nothing in these runs during a request of a test, which no server takes.
BEFORE = {"templatesvc/server/worker.py", "templatesvc/server/threads.py", "templatesvc/urls.py"}
BESIDE = {
    "templatesvc/api/problems.py",
    "templatesvc/mongo/store.py",
    "templatesvc/mongo/embedded.py",
}
VIEWS = {"templatesvc/api/viewsets.py", "templates_app/flask/views.py"}


def pictured() -> list[str]:
    """Return the files of the picture, in order."""
    texts = ElementTree.fromstring(document(PICTURE)).itertext()  # noqa: S314  (our own file)
    return [text for text in texts if re.fullmatch(r"\w+(/\w+)+\.py", text)]


@contextmanager
def passed_files() -> Iterator[list[str]]:
    """Collect the project's files in the order in which something in each is first called."""
    files: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        file = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
        if file not in files:
            files.append(file)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(
    ("path", "view"),
    [
        ("/api/v1/templates", "templatesvc/api/viewsets.py"),
        ("/create", "templates_app/flask/views.py"),
    ],
)
def test_a_request_passes_the_files_in_the_order_of_the_picture(
    path: str, view: str, alice: Person
) -> None:
    alice.client.get("/")  # what is loaded at the first request is loaded
    with passed_files() as files:
        response = alice.client.post(path, {"template": "My first template"})
    assert response.status_code in (200, 201)
    expected = [
        file for file in pictured() if file not in BEFORE | BESIDE and file not in VIEWS - {view}
    ]
    assert [file for file in files if file in expected] == expected


def test_an_error_is_answered_where_the_picture_says(alice: Person) -> None:
    with passed_files() as files:
        alice.client.get("/api/v1/templates/not-an-id")
    assert "templatesvc/api/problems.py" in files
    assert files.index("templatesvc/api/problems.py") < files.index("templatesvc/api/renderers.py")


def test_the_picture_shows_files_that_are_there_and_fetches_nothing() -> None:
    assert [file for file in pictured() if not (ROOT / file).is_file()] == []
    text = document(PICTURE).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|@import|@font-face|<image|<script|href=", text)


def test_the_page_opens_with_the_picture() -> None:
    lines = document("docs/architecture.md").splitlines()
    assert lines[0] == "# Architecture"
    assert lines[2].endswith("(request.svg)")

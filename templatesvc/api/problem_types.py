"""The types of problems, which only ``docs/problems.md`` describes.

The pages under ``/problems`` show them, and the OpenAPI schema takes its examples from them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import get_script_prefix
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

SECTION = re.compile(
    r"^## (\w+)\n\n(.+?)\n\n```json\n(.+?)\n```\n\n(.+?)\n+(?=## |\Z)", re.M | re.S
)
SENTENCE = re.compile(r"(?<=[.:]) ")


class ProblemType(NamedTuple):
    """A type of problem: when it happens, an example, and what to do."""

    code: str
    when: str
    documented: dict[str, Any]
    remedy: str

    @property
    def type(self) -> str:
        return type_of(self.code)

    @property
    def example(self) -> dict[str, Any]:
        return self.documented | {"type": self.type}

    @property
    def title(self) -> str:
        return str(self.documented["title"])

    @property
    def status(self) -> int:
        return int(self.documented["status"])

    # For the page:

    @property
    def example_text(self) -> str:
        return json.dumps(self.example, indent=2)

    @property
    def when_html(self) -> SafeString:
        return _html(self.when)

    @property
    def first_step_html(self) -> SafeString:
        """The first sentence of what to do."""
        return _html(SENTENCE.split(self.remedy)[0])

    @property
    def remedy_html(self) -> SafeString:
        return _html(self.remedy)


def type_of(code: str) -> str:
    """Return the ``type`` of an error with this code: the path of its page."""
    return f"{get_script_prefix()}problems/{code}"


@cache
def problem_types() -> dict[str, ProblemType]:
    """Return every type by its code, in the order of the document."""
    text = (settings.BASE_DIR / "docs" / "problems.md").read_text()
    return {
        code: ProblemType(code, _line(when), json.loads(example), _line(remedy))
        for code, when, example, remedy in SECTION.findall(text)
    }


def _line(paragraph: str) -> str:
    return paragraph.replace("\n", " ")


def _html(text: str) -> SafeString:
    """Return a paragraph of Markdown, which has no marks but those of code, as HTML."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308

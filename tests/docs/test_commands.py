"""The commands that the documents give, held to those that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs.markdown import bare, blocks, document, section, spans, table
from tests.docs.test_references import DOCUMENTS

OURS = {"accounts", "templates_app", "templatesvc"}
# Options that the table names without a value.
VALUED = {"--user", "--by", "--document"}
# Up to what is no part of the command to a shell.
COMMAND = re.compile(r"manage\.py ([^#|;&)\n]+)")


def rows() -> Iterator[tuple[str, str]]:
    """Yield each command of the operators' table as it stands, and with each option it names."""
    for command, text in table(section("docs/admin.md", "Commands")):
        yield bare(command), "docs/admin.md"
        for option in spans(text):
            if option.startswith("--"):
                yield f"{bare(command)} {option}", "docs/admin.md"


def lines() -> Iterator[tuple[str, str]]:
    """Yield each command that a document gives elsewhere."""
    for name in DOCUMENTS:
        for text in (*blocks(document(name)), *spans(document(name))):
            for command in COMMAND.findall(text):
                yield command.strip(), name


def test_the_document_lists_the_commands_that_there_are() -> None:
    documented = {bare(name).split()[0] for name, _ in table(section("docs/admin.md", "Commands"))}
    assert documented == {name for name, app in get_commands().items() if app.split(".")[0] in OURS}


@pytest.mark.parametrize(("command", "name"), sorted({*rows(), *lines()}))
def test_a_command_takes_its_arguments_as_they_stand(command: str, name: str) -> None:
    program, *arguments = shlex.split(command)
    arguments = [f"{each}=NAME" if each in VALUED else each for each in arguments]
    app = get_commands()[program]
    loaded = app if not isinstance(app, str) else load_command_class(app, program)
    loaded.create_parser("manage.py", program).parse_args(arguments)  # which exits if it refuses

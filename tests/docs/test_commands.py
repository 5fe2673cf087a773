"""The operators' table of commands and the commands that there are, each held to the other."""

from __future__ import annotations

from django.core.management import get_commands

from tests.docs.markdown import bare, section, table


def test_the_document_lists_the_commands_that_there_are() -> None:
    documented = {bare(name).split()[0] for name, _ in table(section("docs/admin.md", "Commands"))}
    ours = {"accounts", "templates_app", "templatesvc"}
    assert documented == {name for name, app in get_commands().items() if app in ours}

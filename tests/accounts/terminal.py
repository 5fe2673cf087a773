"""Commands as they are run: at a terminal, or from a script with its input."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from django.core.management import call_command


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(command: str, *arguments: str) -> str:
    """Run a command; return what it says. Raises CommandError."""
    output = io.StringIO()
    call_command(command, *arguments, stdout=output, stderr=output)
    return output.getvalue()


def type_in(
    monkeypatch: pytest.MonkeyPatch, passwords: Iterable[str], lines: Iterable[str] = ()
) -> None:
    """Have somebody at a terminal answer what a command asks."""
    passwords, lines = iter(passwords), iter(lines)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(passwords))
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))


def press(monkeypatch: pytest.MonkeyPatch, key: type[BaseException]) -> None:
    """Have somebody at a terminal press Ctrl-C or Ctrl-D where a command asks for something."""

    def ask(prompt: str) -> str:
        raise key

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr("builtins.input", ask)


def pipe_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have a script give a command its input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

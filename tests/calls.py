"""How much is called while something is done: a measure that does not depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

PYTHON = ("call",)  # functions of Python's
ALL = ("call", "c_call")  # and those in C


def calls_of(run: Callable[[], Any], kinds: tuple[str, ...] = PYTHON) -> int:
    """Return how many functions of these kinds are called while ``run`` runs."""
    calls = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in kinds

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(before)
    return calls

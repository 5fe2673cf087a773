"""How much is called while something is done: a measure that does not depend on the machine."""

from __future__ import annotations

from collections.abc import Callable
from cProfile import Profile
from typing import Any


def calls_of(run: Callable[[], Any], *, of_c_too: bool = False) -> int:
    """Return how many of Python's functions, or of those in C as well, are called in ``run``."""
    profile = Profile(subcalls=False, builtins=of_c_too)
    profile.enable()
    try:
        run()
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())

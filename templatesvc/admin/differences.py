"""How two texts differ, line by line, at a bounded cost."""

from __future__ import annotations

import difflib
from itertools import takewhile
from typing import NamedTuple

CONTEXT = 3  # lines
# Lines of each text without the common beginning and end: comparing more can take seconds.
MAX_LINES = 500
# Characters that are shown, each of which a page may write as six: nobody reads more.
MAX_CHARACTERS = 100_000


class Line(NamedTuple):
    """A line that went (``-``), came (``+``) or stayed (a space)."""

    sign: str
    text: str


def difference(before: str, after: str) -> list[Line] | None:
    """Return the lines that differ, with a few around them; None if that is too much work."""
    old, new = before.splitlines(), after.splitlines()
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    gone, come = old[start : len(old) - end], new[start : len(new) - end]
    head = old[max(0, start - CONTEXT) : start]
    tail = old[len(old) - end :][:CONTEXT]
    size = sum(map(len, [*head, *gone, *come, *tail]))
    if max(len(gone), len(come)) > MAX_LINES or size > MAX_CHARACTERS:
        return None
    compared = difflib.unified_diff(head + gone + tail, head + come + tail, n=CONTEXT, lineterm="")
    # Without the file names at the beginning.
    return [
        Line("…", "") if line[0] == "@" else Line(line[0], line[1:]) for line in [*compared][3:]
    ]


def _alike(old: list[str], new: list[str]) -> int:
    """Return how many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))

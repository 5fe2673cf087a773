"""The lines of a body, in batches."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Lines end as for ``bytes.splitlines``, which would make all of them at once.
LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\r|\n|\Z)")

Line = tuple[int, bytes]


def in_batches(body: bytes, limit: int, size: int) -> Iterator[list[Line]]:
    """Yield the lines that are not blank, with their numbers, in lists of at most ``limit``.

    A list has at most ``size`` bytes, or a single line.
    """
    batch: list[Line] = []
    total = 0
    for number, found in enumerate(LINE.finditer(body), start=1):
        line = found[1]
        if not line.strip():
            continue
        if batch and (len(batch) == limit or total + len(line) > size):
            yield batch
            batch, total = [], 0
        batch.append((number, line))
        total += len(line)
    if batch:
        yield batch

"""The tables of size in docs/scaling.md are what ``python -m benchmarks.size`` prints."""

from __future__ import annotations

import re

import pytest

from benchmarks import size
from tests.docs.markdown import section

Table = list[list[str]]


def documented() -> list[Table]:
    """Return the tables, with their headings."""
    found = re.findall(r"(?:^\|.*\n)+", section("docs/scaling.md", "At size"), re.M)
    tables = [[line.strip("|\n ").split(" | ") for line in text.splitlines()] for text in found]
    return [[heading, *rows] for heading, _, *rows in tables]


def rough(table: Table) -> tuple[list[str], list[list[object]]]:
    """Return the heading, and the rows with numbers that may differ by a tenth."""
    heading, *rows = table
    return heading, [[roughly(cell) for cell in row] for row in rows]


def roughly(cell: str) -> object:
    number, *unit = cell.replace(",", "").split(maxsplit=1)
    return (float(number), *unit) if re.fullmatch(r"[\d.]+", number) else cell


def is_near(seen: object, told: object) -> bool:
    if isinstance(seen, tuple) and isinstance(told, tuple):
        return seen[0] == pytest.approx(told[0], rel=0.1, abs=1) and seen[1:] == told[1:]
    return seen == told


@pytest.mark.usefixtures("real_hashers")
def test_the_document_has_the_tables_that_are_printed() -> None:
    kinds = size.measure()
    printed = [size.growth(kinds), size.totals(kinds), size.connections(), size.rates()]
    for table, told in zip(printed, documented(), strict=True):
        (heading, rows), (told_heading, told_rows) = rough([*table]), rough(told)
        assert heading == told_heading
        for row, told_row in zip(rows, told_rows, strict=True):
            assert all(map(is_near, row, told_row)), (row, told_row)

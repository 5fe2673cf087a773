"""Reading the project's own documents: their sections, tables and code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def document(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", document(name), re.M | re.S)
    assert found, f"{name} has no section {heading!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """Return the cells of the table in a text, row by row, without its heading."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def bare(cell: str) -> str:
    """Return a cell that is one piece of code, without its marks."""
    return cell.strip("`")


def blocks(text: str) -> list[str]:
    """Return the blocks of shell commands in a text."""
    return re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)


def spans(text: str) -> list[str]:
    """Return the pieces of code that stand within the lines of a text."""
    return re.findall(r"`([^`\n]+)`", without_blocks(text))


def without_blocks(text: str) -> str:
    """Return a text without its blocks of code, in which a # is no heading."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)

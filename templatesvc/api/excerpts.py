"""Excerpts of long values for pages, which show as much as somebody reads."""

from __future__ import annotations

from typing import Any

from templatesvc.api.notation import plain_json

MAX_LENGTH = 2000  # characters
MAX_LINE_LENGTH = 120
MAX_PAGE_LENGTH = 200_000
MAX_ROWS = 1000  # more than a page of a list has, and fewer than an import tells of


def of_list(data: Any) -> Any:
    """Return a page of a list with its long values cut; anything else as it is."""
    if not (isinstance(data, dict) and isinstance(data.get("results"), list)):
        return data
    rows = [
        {name: of_value(value) for name, value in row.items()} for row in data["results"][:MAX_ROWS]
    ]
    left = len(data["results"]) - len(rows)
    more = {"left out": f"{left:,} more, which the JSON has"} if left else {}
    return data | {"results": rows} | more


def of_page(text: str) -> str:
    """Return the JSON that a page shows, cut where nobody reads on."""
    if len(text) <= MAX_PAGE_LENGTH:
        return text
    return f"{text[:MAX_PAGE_LENGTH]}… (the first {MAX_PAGE_LENGTH:,} of {len(text):,} characters)"


def of_value(value: Any) -> Any:
    """Return the beginning and the length of a long text or long JSON; a short value as it is."""
    if not isinstance(value, str | dict | list):
        return value
    text = value if isinstance(value, str) else plain_json(value).decode()
    if len(text) <= MAX_LENGTH:
        return value
    return f"{text[:MAX_LENGTH]}… (the first {MAX_LENGTH:,} of {len(text):,} characters)"


def of_values(values: dict[str, Any]) -> str:
    """Return the beginning of a document in a line: its only value, or fields with their names."""
    texts = {
        name: value if isinstance(value, str) else plain_json(value).decode()
        for name, value in values.items()
        if value is not None
    }
    named = [f"{name}: {text}" for name, text in texts.items()]
    line = " ".join((", ".join(named) if len(values) > 1 else "".join(texts.values())).split())
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[: MAX_LINE_LENGTH - 1]}…"

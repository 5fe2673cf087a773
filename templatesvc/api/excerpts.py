"""What a page for people shows of long values in a list: as much as somebody reads."""

from __future__ import annotations

from typing import Any

from templatesvc.api.notation import plain_json

LONGEST = 2000  # characters


def of_list(data: Any) -> Any:
    """Return a page of a list with its long values cut; anything else as it is."""
    if not (isinstance(data, dict) and isinstance(data.get("results"), list)):
        return data
    rows = [{name: of_value(value) for name, value in row.items()} for row in data["results"]]
    return data | {"results": rows}


def of_value(value: Any) -> Any:
    """Return a text, or JSON as a text, that ends with how long it is; what is short as it is."""
    if not isinstance(value, str | dict | list):
        return value
    text = value if isinstance(value, str) else plain_json(value).decode()
    if len(text) <= LONGEST:
        return value
    return f"{text[:LONGEST]}… (the first {LONGEST:,} of {len(text):,} characters)"

"""What a template may be: a text or a JSON object that MongoDB can keep as it is."""

from __future__ import annotations

from typing import Any

from templatesvc.mongo.values import check_size, check_value

MAX_TEXT_LENGTH = 100_000  # characters


def check_template(value: Any) -> None:
    """Raise ValueError with a sentence if the value can't be a template."""
    # Exact types, because BSON's Code is a subclass of str.
    if type(value) not in (str, dict):
        raise ValueError("A template is a text or a JSON object.")
    if value == "":
        raise ValueError("A template can't be an empty text.")
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"A text has at most {MAX_TEXT_LENGTH:,} characters, not {len(value):,}.")
    check_value(value)
    if isinstance(value, dict):
        check_size(value)

"""What a page shows of a stored value: in a cell, line by line, or as one text."""

from __future__ import annotations

from typing import Any

from mongoengine import EmbeddedDocument

from templatesvc.api.notation import PLAIN, extended_json, plain_json


def readable(value: Any) -> Any:
    """Return what a page shows of a value: of an object, or of a list with more in it, JSON."""
    inner = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list | EmbeddedDocument) for each in inner):
        return plain_json(_bare(value)).decode()
    return value


def in_lines(value: Any) -> str:
    """Return a value as a text that can be read line by line: an object or a list as JSON."""
    bare = _bare(value)
    if isinstance(bare, dict | list):
        return extended_json(bare, indented=True)
    return "" if bare is None else in_text(bare)


def in_text(value: Any) -> str:
    """Return a value in one text: itself, or JSON."""
    value = readable(value)
    if value is None or isinstance(value, bool | int | float | list):
        return plain_json(value).decode()
    return str(PLAIN.get(type(value), str)(value))


def _bare(value: Any) -> Any:
    """Return a value without MongoEngine's documents in it."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items()}
    return value.to_mongo() if isinstance(value, EmbeddedDocument) else value

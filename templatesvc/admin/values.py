"""How pages show a stored value: in a cell, line by line, or as one text."""

from __future__ import annotations

from typing import Any

from mongoengine import EmbeddedDocument

from templatesvc.api.notation import PLAIN, extended_json, plain_json


def readable(value: Any) -> Any:
    """Return a value for a page: an object, or a list of objects or lists, becomes JSON."""
    inner = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list | EmbeddedDocument) for each in inner):
        return plain_json(_bare(value)).decode()
    return value


def in_lines(value: Any) -> str:
    """Return a value as a text of lines: an object or a list becomes indented JSON."""
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
    """Return a value with plain objects in place of MongoEngine's documents."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items()}
    return value.to_mongo() if isinstance(value, EmbeddedDocument) else value

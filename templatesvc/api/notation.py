"""How values are written that JSON does not have, whatever program has stored them.

Answers have plain text, which is there to be read. Exports have MongoDB's Extended JSON (version 2,
relaxed), from which an import makes the very same values.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from bson import (
    Binary,
    DBRef,
    Decimal128,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    json_util,
    tz_util,
)
from bson.binary import UUID_SUBTYPE
from bson.codec_options import DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.errors import BSONError
from rest_framework.utils.encoders import JSONEncoder

EXTENDED_JSON = json_util.RELAXED_JSON_OPTIONS.with_options(
    tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
# Bytes of JSON that is indented where that is asked for, and of what that makes of it.
LONGEST_TO_INDENT, LONGEST_INDENTED = 64 * 1024, 256 * 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The calendar repeats itself each 400 years.
CYCLE = 146_097 * 24 * 3600 * 1000  # milliseconds

# What Python's parser says is wrong, by how it begins, in the words of a sentence.
FAULTS = {
    "Expecting value": "a value is missing",
    "Expecting property name": "a name in double quotes is missing",
    "Illegal trailing comma": "a comma is not followed by anything",
    "Expecting ':'": "a colon is missing",
    "Expecting ','": "a comma is missing",
    "Extra data": "the value ends, and something follows it",
    "Unterminated string": "a text without a closing quote begins",
    "Invalid control character": "a text has a line break, tab or other control character",
    "Invalid \\": "a text has a backslash that begins no escape",
}


def fault_of(error: ValueError) -> str:
    """Return what is wrong with a text that is not JSON, and where, as a sentence goes on."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    said = next((FAULTS[begin] for begin in FAULTS if error.msg.startswith(begin)), error.msg)
    return f"{said} at line {error.lineno}, column {error.colno}"


# --- Answers -------------------------------------------------------------------------------------


def plain_json(value: Any, indented: bool = False) -> bytes:
    """Return a value as JSON; a number that is not finite as null, because JSON has no other.

    What is long is not indented, nor what would be by indenting: of deep lists blanks are most.
    """
    short = _dumped(value)
    if not indented or len(short) > LONGEST_TO_INDENT:
        return short
    in_lines = _dumped(value, orjson.OPT_INDENT_2)
    return in_lines if len(in_lines) <= LONGEST_INDENTED else short


def _dumped(value: Any, option: int = 0) -> bytes:
    dumped = orjson.dumps(value, plain, option | orjson.OPT_PASSTHROUGH_DATETIME)
    # A copy: orjson's own bytes keep the room that it wrote them in, sixty times their size if the
    # value has many elements, for as long as a client takes to read them.
    return bytes(memoryview(dumped))


def plain(value: Any) -> Any:
    """Return what stands in JSON for a value that it does not have: for one of BSON's a text."""
    write = PLAIN.get(type(value))
    return write(value) if write else JSONEncoder().default(value)


def written(moment: datetime) -> str:
    """Return a time in the one notation that there is: UTC, Z, three digits of milliseconds.

    Strict parsers read it, and as texts times are in their order.
    """
    if moment.tzinfo is not tz_util.utc:  # in which PyMongo gives the store's times
        moment = moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _beyond_the_calendar(moment: DatetimeMS) -> str:
    """Return a time that Python has none for, with a sign and six digits or more for the year."""
    cycles, rest = divmod(int(moment), CYCLE)
    alike = written(EPOCH + timedelta(milliseconds=rest))
    return f"{int(alike[:4]) + 400 * cycles:+07d}{alike[4:]}"


def _binary(value: bytes) -> str:
    """Return a UUID as it is usually written, and other bytes in base64."""
    # Nobody checks what is stored as a UUID: one has 16 bytes.
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE and len(value) == 16:
        return str(value.as_uuid())
    return base64.b64encode(value).decode()


PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: written,
    DatetimeMS: _beyond_the_calendar,
    Timestamp: lambda timestamp: written(timestamp.as_datetime()),
    Binary: _binary,
    bytes: _binary,
    ObjectId: str,
    Decimal128: str,
    Regex: lambda regex: regex.pattern,
    DBRef: lambda reference: reference.as_doc(),
    MinKey: lambda _: "MinKey",
    MaxKey: lambda _: "MaxKey",
}


# --- Exports and imports -------------------------------------------------------------------------


def extended_json(value: Any, indented: bool = False) -> str:
    """Return a value as JSON that ``from_extended_json`` makes it from again.

    What is long is not indented, as in ``plain_json``.
    """
    options = {"json_options": EXTENDED_JSON, "ensure_ascii": False}
    short = json_util.dumps(value, **options)
    if not indented or len(short) > LONGEST_TO_INDENT:
        return short
    in_lines = json_util.dumps(value, indent=2, **options)
    return in_lines if len(in_lines) <= LONGEST_INDENTED else short


def from_extended_json(text: str) -> Any:
    """Return the value of a text; raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_value)
    except (LookupError, TypeError, ArithmeticError, RecursionError, BSONError) as error:
        raise ValueError(str(error)) from error  # of what only looks like a value of BSON


# Possessive: without it a long text would be remembered character by character.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
STRINGS = re.compile(rb'(?:[^"]*+%b){1,10000}+' % STRING.pattern)


def least_size(text: bytes) -> int:
    """Return a number of bytes of BSON that a JSON text has at the least, without parsing it.

    Parsed, a text of empty objects takes twenty times its bytes. In BSON an object or a list takes
    five bytes or more, and what stands after a comma three before its value.
    """
    size = start = 0
    # In parts, because Python makes an object of what is between each two strings.
    while part := STRINGS.match(text, start):
        size += _structure(STRING.sub(b"", part[0]))
        start = part.end()
    # A string without an end is no JSON: what is in it must not be searched for others.
    return size + _structure(text[start:].partition(b'"')[0])


def _structure(bare: bytes) -> int:
    return 5 * (bare.count(b"{") + bare.count(b"[")) + 3 * bare.count(b",")


def _value(pairs: list[tuple[str, Any]]) -> Any:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return json_util.object_pairs_hook(pairs, EXTENDED_JSON)


def export_line(fields: dict[str, Any]) -> bytes:
    """Return the fields of a document of ours as a line: their times as everywhere, and what is
    inside them in Extended JSON.
    """
    written_fields = {
        name: written(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
    return extended_json(written_fields).encode()

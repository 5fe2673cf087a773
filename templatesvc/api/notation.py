"""How values that JSON does not have are written, whatever program stored them.

Answers have them as plain texts, for readers. Exports have MongoDB's Extended JSON (version 2,
relaxed), from which an import restores the same values.
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
# The most bytes of JSON that is indented on request, before and after.
LONGEST_TO_INDENT, LONGEST_INDENTED = 64 * 1024, 256 * 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The calendar repeats itself each 400 years.
CYCLE = 146_097 * 24 * 3600 * 1000  # milliseconds

# Beginnings of the messages of Python's parser, and what to say instead.
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
    """Return what is wrong with a text that is not JSON, and where, for the end of a sentence."""
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    fault = next((FAULTS[begin] for begin in FAULTS if error.msg.startswith(begin)), error.msg)
    return f"{fault} at line {error.lineno}, column {error.colno}"


# --- Answers -------------------------------------------------------------------------------------


def plain_json(value: Any, indented: bool = False) -> bytes:
    """Return a value as JSON; numbers that are not finite become null, as JSON lacks them.

    Long JSON is not indented, nor JSON that indenting makes long: deep lists become mostly blanks.
    """
    short = _dumped(value)
    if not indented or len(short) > LONGEST_TO_INDENT:
        return short
    in_lines = _dumped(value, orjson.OPT_INDENT_2)
    return in_lines if len(in_lines) <= LONGEST_INDENTED else short


def _dumped(value: Any, option: int = 0) -> bytes:
    dumped = orjson.dumps(value, plain, option | orjson.OPT_PASSTHROUGH_DATETIME)
    # A copy: orjson's own bytes keep the buffer that they were written in, which has sixty times
    # their size if the value has many elements, for as long as a client takes to read them.
    return bytes(memoryview(dumped))


def plain(value: Any) -> Any:
    """Return what stands in JSON for a value that JSON lacks; for a value of BSON it is a text."""
    write = PLAIN.get(type(value))
    return write(value) if write else JSONEncoder().default(value)


def format_time(moment: datetime) -> str:
    """Return a time in the one notation for times: UTC, with milliseconds and a Z.

    Strict parsers read it, and its texts sort by time.
    """
    if moment.tzinfo is not tz_util.utc:  # in which PyMongo gives the store's times
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def _beyond_the_calendar(moment: DatetimeMS) -> str:
    """Return a time beyond Python's calendar, its year with a sign and six digits or more."""
    cycles, rest = divmod(int(moment), CYCLE)
    alike = format_time(EPOCH + timedelta(milliseconds=rest))
    return f"{int(alike[:4]) + 400 * cycles:+07d}{alike[4:]}"


def _binary(value: bytes) -> str:
    """Return a UUID as it is usually written, and other bytes in base64."""
    # Nothing checks stored UUIDs: a real one has 16 bytes.
    if isinstance(value, Binary) and value.subtype == UUID_SUBTYPE and len(value) == 16:
        return str(value.as_uuid())
    return base64.b64encode(value).decode()


PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: format_time,
    DatetimeMS: _beyond_the_calendar,
    Timestamp: lambda timestamp: format_time(timestamp.as_datetime()),
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
    """Return a value as JSON, from which ``from_extended_json`` restores it.

    Long JSON is not indented, as in ``plain_json``.
    """
    options = {"json_options": EXTENDED_JSON, "ensure_ascii": False}
    short = json_util.dumps(value, **options)
    if not indented or len(short) > LONGEST_TO_INDENT:
        return short
    in_lines = json_util.dumps(value, indent=2, **options)
    return in_lines if len(in_lines) <= LONGEST_INDENTED else short


# What bson raises where something only looks like one of its values.
NOT_BSON = (TypeError, RecursionError, BSONError)
WORDLESS = (LookupError, ArithmeticError, AttributeError)  # they say only what Python missed


def from_extended_json(text: str) -> Any:
    """Return the value of a text; raises ValueError."""
    try:
        return json.loads(text, object_pairs_hook=_value)
    except NOT_BSON as error:
        raise ValueError(str(error)) from error
    except WORDLESS as error:
        raise ValueError("a value with $ in its keys is not valid Extended JSON") from error


# Possessive quantifiers: others would remember a long text character by character.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
STRINGS = re.compile(rb'(?:[^"]*+%b){1,10000}+' % STRING.pattern)


def least_size(text: bytes) -> int:
    """Return the least number of bytes of BSON that a JSON text can have, without parsing it.

    Parsed, a text of empty objects takes twenty times its bytes. In BSON an object or a list takes
    five bytes or more, and each element after a comma three bytes before its value.
    """
    size = start = 0
    # In parts, because Python makes an object of the text between any two strings.
    while part := STRINGS.match(text, start):
        size += _structure(STRING.sub(b"", part[0]))
        start = part.end()
    # A string without an end is no JSON, and must not be searched for other strings.
    return size + _structure(text[start:].partition(b'"')[0])


def _structure(bare: bytes) -> int:
    return 5 * (bare.count(b"{") + bare.count(b"[")) + 3 * bare.count(b",")


def _value(pairs: list[tuple[str, Any]]) -> Any:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice in one object")
    return json_util.object_pairs_hook(pairs, EXTENDED_JSON)


def export_line(fields: dict[str, Any]) -> bytes:
    """Return the fields of one of our documents as a line.

    Times in them are written as everywhere, and what is inside them in Extended JSON.
    """
    written_fields = {
        name: format_time(value) if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
    return extended_json(written_fields).encode()

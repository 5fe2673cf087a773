"""Ids of new documents, and any ids in URLs: another program may have stored one of any type."""

from __future__ import annotations

import base64
import secrets
import struct
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import bson
from bson import DBRef, ObjectId, Regex
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from templatesvc.mongo import store

# The times that an ObjectId can hold, without its last second.
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = FIRST_MOMENT + timedelta(seconds=2**32 - 2)
# An id in a URL: an ObjectId as people know it, or any other value after a tilde.
PATTERN = r"[0-9a-f]{24}|~[0-9A-Za-z_-]+"
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=4)
# Characters of an id in a URL. By default MongoDB indexes no entry of more than 1,024 bytes, and
# some servers fail on values that are nested deeper than this length allows.
MAX_ID_LENGTH = 1500


_count = count()


def new_id(moment: datetime) -> ObjectId:
    """Return an ObjectId that sorts by its time of creation, to the millisecond.

    MongoDB's own ids have seconds, then a number of the process. Here milliseconds follow the
    seconds, then a count, which keeps the order within a millisecond on one worker, and 32 random
    bits.
    """
    seconds, milliseconds = int(moment.timestamp()), moment.microsecond // 1000
    head = struct.pack(">IHH", seconds, milliseconds, next(_count) & 0xFFFF)
    return ObjectId(head + secrets.token_bytes(4))


def moment_of(id: ObjectId) -> datetime:
    """Return the moment that an id was made for by ``new_id``."""
    seconds, milliseconds = struct.unpack(">IH", id.binary[:6])
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=milliseconds)


def nearest(moment: datetime) -> datetime:
    """Return the moment, or else the nearest one that an ObjectId can hold."""
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)


def encode(value: Any) -> str:
    """Return a text for a URL, by which ``decode`` finds exactly this value again."""
    if isinstance(value, ObjectId):
        return str(value)
    document = bson.encode({"": value}, codec_options=CODEC)
    return "~" + base64.urlsafe_b64encode(document).decode().rstrip("=")


def decode(text: str) -> Any:
    """Return the value of a text; raises ValueError for one that ``encode`` does not make.

    The value may be an object, so queries compare it with ``$eq``. An object that could be an
    operator, a reference, which is such an object in BSON, and a regular expression, which ``$in``
    would match texts with, are refused: no ``_id`` is such a value.
    """
    try:
        if len(text) > MAX_ID_LENGTH:
            raise ValueError("It is too long.")
        value = decode_signed(text)
    except (BSONError, KeyError, ValueError) as error:
        raise ValueError("This is no id.") from error
    is_operator = isinstance(value, dict) and any(key.startswith("$") for key in value)
    if is_operator or isinstance(value, DBRef | Regex):
        raise ValueError("This is no id.")
    return value


def decode_signed(text: str) -> Any:
    """Return the value of a text of any length that ``encode`` made, as its signature proves."""
    if not text.startswith("~"):
        return ObjectId(text)
    padded = text[1:] + "=" * (-len(text[1:]) % 4)
    # A UUID stays a Binary, because every query can hold that.
    return bson.decode(base64.urlsafe_b64decode(padded), codec_options=store.CODEC)[""]

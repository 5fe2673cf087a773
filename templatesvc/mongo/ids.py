"""Values of BSON in URLs: an ``_id`` may be of any type if another program wrote it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson import DBRef, ObjectId, Regex
from bson.codec_options import CodecOptions
from bson.errors import BSONError

# What an ObjectId can tell, but for its last second.
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = FIRST_MOMENT + timedelta(seconds=2**32 - 2)
# What URLs hold of it: an ObjectId as people know it, or any other value after a tilde.
PATTERN = r"[0-9a-f]{24}|~[0-9A-Za-z_-]+"
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, uuid_representation=4)
AS_STORED: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
# Characters of a text that is an id: MongoDB has no index entries of more than 1,024 bytes by
# default, and some servers fail on what is deeper than so many allow.
LONGEST = 1500


def encode(value: Any) -> str:
    """Return a text for a URL, by which ``decode`` finds exactly this value again."""
    if isinstance(value, ObjectId):
        return str(value)
    document = bson.encode({"": value}, codec_options=CODEC)
    return "~" + base64.urlsafe_b64encode(document).decode().rstrip("=")


def decode(text: str) -> Any:
    """Return the value of a text; raises ValueError for one that ``encode`` does not make.

    It may be an object, so a query compares it with ``$eq``. No object that could be an operator,
    as a reference is, too, and no regular expression, which ``$in`` would match texts with: no
    ``_id`` is such a value.
    """
    if not text.startswith("~"):
        if not ObjectId.is_valid(text):
            raise ValueError("This is no id.")
        return ObjectId(text)
    if len(text) > LONGEST:
        raise ValueError("This is no id.")
    padded = text[1:] + "=" * (-len(text[1:]) % 4)
    try:
        # A UUID stays a Binary, as which every query can have it.
        value = bson.decode(base64.urlsafe_b64decode(padded), codec_options=AS_STORED)[""]
    except (BSONError, KeyError, ValueError) as error:
        raise ValueError("This is no id.") from error
    is_operator = isinstance(value, dict) and any(key.startswith("$") for key in value)
    if is_operator or isinstance(value, DBRef | Regex):
        raise ValueError("This is no id.")
    return value

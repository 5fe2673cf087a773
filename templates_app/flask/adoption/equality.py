"""Which values MongoDB, and so a unique index, takes for equal."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

import bson
from bson import Decimal128, ObjectId

SIMPLE = (str, bool, type(None), bytes, datetime, ObjectId)


def equality(value: Any) -> Any:
    """Return a hashable value that is the same for values that MongoDB's indexes take for equal.

    1 and 1.0 are equal, and so are two NaNs; true and 1 are not, nor are objects with the same keys
    in another order.
    """
    if isinstance(value, dict):
        return dict, tuple((key, equality(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return list, tuple(map(equality, value))
    if type(value) in SIMPLE:
        return type(value), value
    if isinstance(value, Decimal128):
        value = value.to_decimal()
    if isinstance(value, int | float | Decimal):
        return float, "NaN" if math.isnan(value) else value
    return type(value), bson.encode({"": value})  # what JSON does not have, such as a regex

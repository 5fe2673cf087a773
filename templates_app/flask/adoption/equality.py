"""Which values are equal to MongoDB, and so the same to a unique index."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

import bson
from bson import Decimal128, ObjectId

SIMPLE = (str, bool, type(None), bytes, datetime, ObjectId)


def equality(value: Any) -> Any:
    """Return what is equal, and hashable, for values that are equal to MongoDB's indexes.

    1 and 1.0 are, and one NaN and another; true and 1 are not, nor are objects whose keys are in
    another order.
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

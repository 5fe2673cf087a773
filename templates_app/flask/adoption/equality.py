"""Which values MongoDB, and so a unique index, takes for equal, and the query for such values."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

import bson
from bson import DBRef, Decimal128, ObjectId, Regex

from templates_app.flask.adoption.flask_data import NO_LIST, Raw
from templatesvc.mongo.keysets import either

# In ``$in`` an object may be read as operators, which MongoDB refuses, and a regex as a pattern.
NOT_LITERAL = (dict, list, DBRef, Regex)
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


def having(field: str, values: list[Any]) -> Raw:
    """Return the query for documents whose field has one of these values, whatever they are.

    People choose what they store, such as a name ``{"$gt": ""}``. An absent field is a null.
    A list is not found by its members, except by members that are lists.
    """
    literal = [value for value in values if not isinstance(value, NOT_LITERAL)]
    others = [value for value in values if isinstance(value, NOT_LITERAL)]
    choices: list[Raw] = [{field: {"$in": literal} | NO_LIST}] if literal or not others else []
    for value in others:
        choices.append({field: {"$eq": value} | ({} if isinstance(value, list) else NO_LIST)})
    return either(choices)

"""Positions in an order, and the queries for what comes after one: for lists, exports and walks.

The position of a row is the list of its values in the fields of the order; no two rows share the
last value. Rows that are added or deleted meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from bson import Decimal128, ObjectId
from pymongo import ASCENDING

from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import FIRST_MOMENT, LAST_MOMENT

Query = dict[str, Any]
Keys = list[tuple[str, int]]
Position = list[Any]

# The least value of each type, in MongoDB's order of types: a comparison finds only values of the
# same type. Before all of them come nulls and absent fields. (Lists are left out: their elements
# order them, and no _id is a list.)
LEAST: list[tuple[type | tuple[type, ...], Any]] = [
    ((int, float, Decimal128), -float("inf")),
    (str, ""),
    (dict, {}),
    (bytes, b""),
    (ObjectId, ObjectId(bytes(12))),
    (bool, False),
    (datetime, datetime.min.replace(tzinfo=UTC)),
]
# Ids and dates are walked in slices of time. Most pages are found in the first one. Some servers
# would sort all that is older before they return its first row.
SLICES = [timedelta(hours=hours) for hours in (1, 16, 256, 4096)]


class Holds(Enum):
    """What the first field of an order may hold."""

    VALUES = "values of one type"
    NULLS = "values of one type, null, and nothing"
    ANYTHING = "values of any types, null, and nothing"


def reversed_order(order: Keys) -> Keys:
    return [(field, -direction) for field, direction in order]


def both(one: Query, other: Query) -> Query:
    """Return the query for what fits two queries."""
    return {"$and": [one, other]} if one.keys() & other.keys() else one | other


def beyond(order: Keys, position: Position) -> Query:
    """Return one query for all that comes after a position."""
    found = list(ranges(order, position))
    return either(found) if found else {"_id": {"$in": []}}  # nothing comes before null


def ranges(
    order: Keys,
    position: Position | None,
    holds: Holds = Holds.ANYTHING,
    is_sliced: bool = False,
) -> Iterator[Query]:
    """Yield the queries that, one after the other, find all that comes after a position, or all.

    Each is one range of an index. ``is_sliced`` has ranges of ids or times begin with short ones.
    """
    (field, direction), *others = order
    if position is None:
        yield from _from_the_start(field, direction, is_sliced)
        return
    value, *rest = position
    inner = holds if holds is Holds.ANYTHING else Holds.VALUES
    later = list(ranges(others, rest, inner)) if others else []
    if value is None:
        if later:
            yield both({field: None}, either(later))
        if direction == ASCENDING:
            yield {field: {"$ne": None}}
        return
    after = "$gt" if direction == ASCENDING else "$lt"
    is_of_time = is_sliced and isinstance(value, ObjectId | datetime)
    first, *more = _slices({after: value}, value, direction) if is_of_time else [{after: value}]
    if later:
        # The bound on the first field alone is what an index can use.
        bound = {field: {f"{after}e": first.pop(after)} | first}
        yield bound | either([{field: {after: value}}, *later])
    else:
        yield {field: first}
    yield from ({field: span} for span in more)
    yield from _of_further_types(field, direction, value, holds)


def either(queries: list[Query]) -> Query:
    """Return the query for what fits any of some queries.

    Within ``$and``: some servers read all of a collection if an ``$or`` stands beside a condition,
    even one on ``_id``.
    """
    return queries[0] if len(queries) == 1 else {"$and": [{"$or": queries}]}


def _from_the_start(field: str, direction: int, is_sliced: bool) -> Iterator[Query]:
    if not is_sliced or direction == ASCENDING:
        yield {}
        return
    latest = ObjectId() if field == "_id" else now()
    yield from _of_further_types(field, ASCENDING, latest)
    yield from ({field: span} for span in _slices({}, latest, direction))
    yield from _of_further_types(field, direction, latest)


def _of_further_types(
    field: str, direction: int, value: Any, holds: Holds = Holds.ANYTHING
) -> Iterator[Query]:
    """Yield the query for what comes after all values of the type of this one, if anything can."""
    rank = _type_rank(value)
    further = LEAST[rank + 1 :] if direction == ASCENDING else LEAST[:rank]
    choices: list[Query] = [{field: {"$gte": least}} for _, least in further]
    choices = choices if holds is Holds.ANYTHING else []
    if direction != ASCENDING and holds is not Holds.VALUES:
        choices.append({field: None})
    if choices:
        yield either(choices)


def _slices(near: Query, start: ObjectId | datetime, direction: int) -> Iterator[Query]:
    """Yield bounds on ids or times from ``start`` on, each for a longer time than the last.

    ``near`` is the near bound of the first one.
    """
    edge = start.generation_time if isinstance(start, ObjectId) else start
    inclusive, outward = ("$gte", "$lt") if direction == ASCENDING else ("$lt", "$gte")
    for span in SLICES if FIRST_MOMENT < edge < LAST_MOMENT else ():
        moment = edge + direction * span
        if not FIRST_MOMENT < moment < LAST_MOMENT:  # which an ObjectId can't hold
            break
        bound = ObjectId.from_datetime(moment) if isinstance(start, ObjectId) else moment
        yield near | {outward: bound}
        near = {inclusive: bound}
    yield near


def _type_rank(value: Any) -> int:
    """Return the rank of a value's type in the order of types."""
    # A bool is an int as well, to Python, and comes later.
    fitting = [rank for rank, (kinds, _) in enumerate(LEAST) if isinstance(value, kinds)]
    return fitting[-1] if fitting else len(LEAST)

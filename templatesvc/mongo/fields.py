"""Fields that take values as they are, and read what other programs have written."""

from __future__ import annotations

from typing import Any

from mongoengine.base import BaseField


def as_value(value: Any) -> Any:
    """Return a value for a query to compare with as it is: no key in it acts as an operator."""
    return {"$eq": value} if isinstance(value, dict) else value


class RawField(BaseField):
    """A value as it is in BSON, whatever its type.

    MongoEngine's DynamicField would take an object with a ``_cls`` key for a document and look for
    its class; its ObjectIdField would turn a text of 24 hex digits into an ObjectId.
    """

    def to_python(self, value: Any) -> Any:
        return value

    def to_mongo(self, value: Any, *_: Any, **__: Any) -> Any:
        return value

    def prepare_query_value(self, op: str | None, value: Any) -> Any:
        return as_value(value) if op is None else value


class ObjectField(RawField):
    """A JSON object of any members, empty by default.

    MongoEngine's DictField would load documents of others that a value in it names.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"default": dict} | kwargs)

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, dict) else self.default()


class TypedField(RawField):
    """A value of one Python type; what is stored of any other type counts as not there."""

    def __init__(self, type_: type, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.type = type_

    def to_python(self, value: Any) -> Any:
        if type(value) is self.type:
            return value
        # bool is a subclass of int, and so is the Int64 that PyMongo may return.
        fits = isinstance(value, self.type) and isinstance(value, bool) == (self.type is bool)
        return value if fits else default_of(self)


def default_of(field: BaseField) -> Any:
    """Return the value that a field has in a new document if nobody gives it one."""
    return field.default() if callable(field.default) else field.default


def default_of_older(field: BaseField) -> Any:
    """Return the value that a field has in a document that lacks it, and may be older.

    A function may return another value at each reading: then such a document has none. A class,
    such as ``list``, makes equal ones.
    """
    is_function = callable(field.default) and not isinstance(field.default, type)
    return None if is_function else default_of(field)

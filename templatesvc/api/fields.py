"""Serializer fields that JSON on MongoDB needs, beside DRF's."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, ClassVar

from bson import Decimal128, ObjectId
from django.core.validators import ProhibitNullCharactersValidator
from django.http import QueryDict
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from rest_framework import serializers

from templatesvc.mongo.clock import in_milliseconds
from templatesvc.mongo.values import INT64, check_size, check_value

Check = Callable[[Any], None]
INTEGER = re.compile(r"[+-]?[0-9]+")
# For a list field without a max_length.
MAX_LIST_LENGTH = 1000


class TextField(serializers.CharField):
    """A text exactly as it was sent: DRF's field would trim it, and accept numbers.

    ``allow_nul`` allows NUL in the text: MongoDB can store it, unlike some databases.
    """

    def __init__(self, *, allow_nul: bool = False, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        self.allow_nul = allow_nul
        if allow_nul:
            self.validators: list[Any] = [
                validator
                for validator in self.validators
                if not isinstance(validator, ProhibitNullCharactersValidator)
            ]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class JSONValueField(serializers.Field):
    """A JSON value, checked by a function that raises ValueError with a sentence."""

    def __init__(self, check: Check, code: str = "invalid", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check, self.code = check, code

    def to_internal_value(self, data: Any) -> Any:
        try:
            self.check(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code=self.code) from error
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class JSONObjectField(JSONValueField):
    """A JSON object with any members."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_object, **kwargs)


class AnyJSONField(JSONValueField):
    """Any JSON value."""

    takes_any_value = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_any, **kwargs)


def check_object(value: Any) -> None:
    """Raise ValueError with a sentence if the value is no object that can be kept."""
    if not isinstance(value, dict):
        raise ValueError("Give a JSON object.")
    check_value(value)
    check_size(value)


def check_any(value: Any) -> None:
    """Raise ValueError with a sentence if the value can't be kept."""
    check_value(value)
    check_size({"": value})


class IntegerField(serializers.IntegerField):
    """A whole number that fits the 64 bits that BSON has for it."""

    def __init__(self, **kwargs: Any) -> None:
        bounds = {"min_value": -INT64, "max_value": INT64 - 1}
        super().__init__(**bounds | {name: n for name, n in kwargs.items() if n is not None})

    def to_internal_value(self, data: Any) -> int:
        # DRF reads true as 1, and Python reads texts such as 1_000.
        is_odd = isinstance(data, str) and not INTEGER.fullmatch(data)
        if isinstance(data, bool) or is_odd:
            self.fail("invalid")
        return super().to_internal_value(data)


class FloatField(serializers.FloatField):
    """A finite number, as all are in JSON; DRF would read the text ``nan``."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        number = super().to_internal_value(data)
        if not isfinite(number):
            self.fail("invalid")
        return number


class DateTimeField(serializers.DateTimeField):
    """A time in UTC, to the milliseconds that BSON keeps."""

    def to_internal_value(self, value: Any) -> datetime:
        return in_milliseconds(super().to_internal_value(value).astimezone(UTC))


class DateField(serializers.DateField):
    """A day, which MongoEngine reads as the day or as its midnight."""

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(value.date() if isinstance(value, datetime) else value)


class DecimalField(serializers.DecimalField):
    """A decimal number of BSON's range, as a text in JSON, so that no digit is lost.

    It refuses an empty text, which DRF's takes for null.
    """

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Decimal:
        number = super().to_internal_value(data)
        try:
            Decimal128(number)
        except ArithmeticError:
            self.fail("invalid")
        return number

    def to_representation(self, value: Any) -> Any:
        return super().to_representation(
            value.to_decimal() if isinstance(value, Decimal128) else Decimal(str(value))
        )


class UUIDField(serializers.UUIDField):
    """A UUID as a text: DRF's field accepts numbers as well."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class ObjectIdField(serializers.CharField):
    """The id of a document, in 24 hexadecimal digits."""

    default_error_messages = {"invalid_id": "Give the 24 hexadecimal digits of an id."}

    def to_internal_value(self, data: Any) -> ObjectId:
        if not isinstance(data, str) or not ObjectId.is_valid(data):
            self.fail("invalid_id")
        return ObjectId(data)


class ListField(serializers.ListField):
    """A list of bounded length; a page's form has a text box for it, with a line for each entry.

    DRF would check every entry before it counts them, which takes 20 µs for each.
    """

    def __init__(self, **kwargs: Any) -> None:
        style = {"base_template": "lines.html", "hint": "One entry a line."}
        super().__init__(style=style, **{"max_length": MAX_LIST_LENGTH} | kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.max_length:
            text = f"Ensure this field has no more than {self.max_length} elements."
            raise serializers.ValidationError(text, code="max_length")
        return super().to_internal_value(data)

    def get_value(self, dictionary: Any) -> Any:
        if not isinstance(dictionary, QueryDict):
            return super().get_value(dictionary)
        if self.field_name not in dictionary:
            return serializers.empty if getattr(self.root, "partial", False) else []
        text = dictionary[self.field_name]
        return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


class EmbeddedListSerializer(serializers.ListSerializer):
    """A list of embedded objects, which no form can send: DRF would look for ``field[0]name``."""

    def get_value(self, dictionary: Any) -> Any:
        if isinstance(dictionary, QueryDict):
            return serializers.empty
        return super().get_value(dictionary)


class EmbeddedSerializer(serializers.Serializer):
    """The object of an embedded document; ``field_mapping`` makes one for its class."""

    document_class: Any = None

    class Meta:
        list_serializer_class = EmbeddedListSerializer

    def get_value(self, dictionary: Any) -> Any:
        value = super().get_value(dictionary)
        is_form = isinstance(dictionary, QueryDict) and isinstance(value, dict)
        return None if is_form and self.allow_null and not any(value.values()) else value

    def get_initial(self) -> Any:
        return None if self.allow_null else super().get_initial()

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        if isinstance(data, dict) and (unknown := data.keys() - self.fields.keys()):
            raise serializers.ValidationError(
                dict.fromkeys(sorted(unknown)[:20], "Unknown field."), code="unknown_field"
            )
        # DRF requires no members in a partial update, but only a merge keeps those of the old one.
        if not getattr(self.root, "merges", False):
            missing = [n for n, field in self.fields.items() if field.required and n not in values]
            if missing:
                text = serializers.Field.default_error_messages["required"]
                raise serializers.ValidationError(dict.fromkeys(missing, text), code="required")
        return self.document_class(**values)


# --- What the schema says of them ----------------------------------------------------------------


class _FixedSchema(OpenApiSerializerFieldExtension):
    """A field whose schema is always the same."""

    schema: ClassVar[dict[str, Any]]

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(self.schema)


class JSONObjectFieldExtension(_FixedSchema):
    target_class = JSONObjectField
    schema: ClassVar = {"type": "object", "additionalProperties": {}}


class AnyJSONFieldExtension(_FixedSchema):
    # Without a type: generators of clients make nothing useful of a list of types.
    target_class = AnyJSONField
    schema: ClassVar = {"description": "Any JSON value."}


class ObjectIdFieldExtension(_FixedSchema):
    target_class = ObjectIdField
    schema: ClassVar = {"type": "string", "pattern": "^[0-9a-f]{24}$"}

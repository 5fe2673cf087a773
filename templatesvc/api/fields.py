"""Serializer fields: those that JSON on MongoDB needs, and the one for each field of a document."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import Any, ClassVar

import mongoengine
from bson import Decimal128, ObjectId
from django.core.validators import ProhibitNullCharactersValidator
from django.http import QueryDict
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from mongoengine.base import BaseField
from mongoengine.errors import ValidationError as DocumentValidationError
from rest_framework import serializers

from templatesvc.mongo.documents import ObjectField, RawField, in_milliseconds
from templatesvc.mongo.values import INT64, check_size, check_value

Check = Callable[[Any], None]
INTEGER = re.compile(r"[+-]?[0-9]+")
# Fields whose bounds are those of their serializer fields.
BOUNDED = (
    mongoengine.StringField,
    mongoengine.IntField,
    mongoengine.FloatField,
    mongoengine.Decimal128Field,
    mongoengine.ListField,
)
# Of a list whose field says no max_length.
MAX_LIST_LENGTH = 1000


class TextField(serializers.CharField):
    """A text exactly as it was sent: DRF's would trim it, and take a number for one.

    ``allow_nul``: whether NUL may be in it, which some databases can't store, and MongoDB can.
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
    """A JSON object of any members."""

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
        # DRF takes true for 1, and Python texts such as 1_000.
        is_odd = isinstance(data, str) and not INTEGER.fullmatch(data)
        if isinstance(data, bool) or is_odd:
            self.fail("invalid")
        return super().to_internal_value(data)


class FloatField(serializers.FloatField):
    """A finite number: JSON has no other, and DRF would read the text ``nan``."""

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
    """A UUID as a text: DRF's takes a number, too."""

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
    """A list of bounded length; in the form of a page a text box with a line for each entry.

    DRF looks at every entry before it counts them, which takes 20 µs for each.
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
    """A list of them, which no form can send: DRF would look for ``field[0]name`` in it."""

    def get_value(self, dictionary: Any) -> Any:
        if isinstance(dictionary, QueryDict):
            return serializers.empty
        return super().get_value(dictionary)


class EmbeddedSerializer(serializers.Serializer):
    """The object of an embedded document; made for its class by ``embedded``."""

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
        # DRF demands nothing of an object in a partial update, and only a merge is into the old.
        if not getattr(self.root, "merges", False):
            missing = [n for n, field in self.fields.items() if field.required and n not in values]
            if missing:
                text = serializers.Field.default_error_messages["required"]
                raise serializers.ValidationError(dict.fromkeys(missing, text), code="required")
        return self.document_class(**values)


# --- From the fields of a document ---------------------------------------------------------------


def field_for(field: BaseField, **options: Any) -> serializers.Field:
    """Return the serializer field for a field of a document: its type, its bounds, its choices.

    ``options`` are those of the serializer field, before what is derived. ``has_default`` says
    whether the field is never without a value.
    """
    _refuse(field)
    made = _made(field, _common(field) | options)
    made.has_default = field.default is not None
    return made


def _made(field: BaseField, options: dict[str, Any]) -> serializers.Field:
    if field.choices:
        return serializers.ChoiceField(choices=_pairs(field.choices), **options)
    for kind, make in MADE_FOR.items():
        if isinstance(field, kind):
            made: serializers.Field = make(field, options)
            return made
    raise TypeError(
        f"{field.owner_document.__name__}.{field.name}: no serializer field is known for "
        f"{type(field).__name__}; declare one in the serializer."
    )


def _refuse(field: BaseField) -> None:
    """Raise TypeError for a field whose values BSON can't hold as they are."""
    what = f"{field.owner_document.__name__}.{field.name}"
    if isinstance(field, mongoengine.DecimalField):
        raise TypeError(
            f"{what}: DecimalField stores floats, which lose digits; use Decimal128Field."
        )
    if isinstance(field, mongoengine.UUIDField) and field._binary:
        raise TypeError(f"{what}: declare UUIDField(binary=False), which is stored as a text.")


def _common(field: BaseField) -> dict[str, Any]:
    """Return the options that follow from what any field says of itself."""
    options: dict[str, Any] = {"validators": [Validator(field)]}
    if getattr(field, "help_text", None):
        options["help_text"] = field.help_text
    if field.required and field.default is None:
        return options
    options |= {"required": False, "allow_null": True}
    return options if field.default is None else options | {"initial": field.default}


class Validator:
    """A field's own checks; what MongoEngine says comes out as a 400 on the field.

    Not of bounds, which the serializer's field has, too, and would tell again.
    """

    def __init__(self, field: BaseField) -> None:
        self.field = field

    def __call__(self, value: Any) -> None:
        field = self.field
        try:
            if not isinstance(field, BOUNDED):
                field._validate(value)
            elif field.validation is not None:
                field.validation(value)
        except DocumentValidationError as error:
            raise serializers.ValidationError(error.message) from error
        regex = getattr(field, "regex", None)
        if isinstance(field, BOUNDED) and regex and not regex.match(value):
            raise serializers.ValidationError(f"It does not match {regex.pattern}.")


def _pairs(choices: Any) -> list[tuple[Any, Any]]:
    return [(c[0], c[1]) if isinstance(c, list | tuple) else (c, c) for c in choices]


def _simple(kind: type[serializers.Field]) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda _, options: kind(**options)


def _text(kind: type[serializers.CharField]) -> Callable[[Any, dict[str, Any]], Any]:
    def make(field: Any, options: dict[str, Any]) -> serializers.Field:
        bounds = {"max_length": field.max_length, "min_length": field.min_length}
        options = {name: n for name, n in bounds.items() if n is not None} | options
        # Where nothing else is asked of a text; otherwise an empty box of a form is null.
        is_free = kind is TextField and not field.min_length and not field.regex
        if is_free and not field.required:
            options.setdefault("allow_blank", True)
        return kind(**options)

    return make


def _number(kind: type[serializers.Field]) -> Callable[[Any, dict[str, Any]], Any]:
    def make(field: Any, options: dict[str, Any]) -> serializers.Field:
        bounds = {"min_value": field.min_value, "max_value": field.max_value}
        return kind(**{name: n for name, n in bounds.items() if n is not None} | options)

    return make


def _decimal(field: Any, options: dict[str, Any]) -> serializers.Field:
    bounds = {"min_value": field.min_value, "max_value": field.max_value}
    bounds = {name: n for name, n in bounds.items() if n is not None}
    return DecimalField(**{"max_digits": 34, "decimal_places": None} | bounds | options)


def _list(field: Any, options: dict[str, Any]) -> serializers.Field:
    options.setdefault("max_length", field.max_length or MAX_LIST_LENGTH)
    if isinstance(field.field, mongoengine.EmbeddedDocumentField):
        # DRF gives validators to each entry.
        options = {name: value for name, value in options.items() if name != "validators"}
        return _embedded(field.field, options | {"many": True})
    if field.field is not None:
        inner = field_for(field.field)
        inner.required, inner.allow_null = True, False
        options.setdefault("child", inner)
    return ListField(**options)


def _embedded(field: Any, options: dict[str, Any]) -> serializers.Field:
    return embedded(field.document_type)(**options)


@cache
def embedded(document: Any) -> type[EmbeddedSerializer]:
    """Return the serializer class of an embedded document."""
    made = {name: field_for(document._fields[name]) for name in document._fields_ordered}
    attrs = made | {"document_class": document, "__doc__": document.__doc__}
    return type(f"{document.__name__}Serializer", (EmbeddedSerializer,), attrs)


# What is further up is a kind of what is further down.
MADE_FOR: dict[Any, Callable[[Any, dict[str, Any]], Any]] = {
    mongoengine.URLField: _text(serializers.URLField),
    mongoengine.EmailField: _text(serializers.EmailField),
    mongoengine.StringField: _text(TextField),
    mongoengine.Decimal128Field: _decimal,
    (mongoengine.IntField, mongoengine.LongField): _number(IntegerField),
    mongoengine.FloatField: _number(FloatField),
    mongoengine.BooleanField: _simple(serializers.BooleanField),
    mongoengine.DateField: _simple(DateField),
    mongoengine.DateTimeField: _simple(DateTimeField),
    mongoengine.UUIDField: _simple(UUIDField),
    mongoengine.ObjectIdField: _simple(ObjectIdField),
    mongoengine.EmbeddedDocumentField: _embedded,
    mongoengine.ListField: _list,
    ObjectField: _simple(JSONObjectField),
    RawField: _simple(AnyJSONField),
}


# --- What the schema says of them ----------------------------------------------------------------


class _Said(OpenApiSerializerFieldExtension):
    """A field whose schema is always the same."""

    schema: ClassVar[dict[str, Any]]

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(self.schema)


class JSONObjectFieldExtension(_Said):
    target_class = JSONObjectField
    schema: ClassVar = {"type": "object", "additionalProperties": {}}


class AnyJSONFieldExtension(_Said):
    # Without a type: generators of clients make nothing useful of several.
    target_class = AnyJSONField
    schema: ClassVar = {"description": "Any JSON value."}


class ObjectIdFieldExtension(_Said):
    target_class = ObjectIdField
    schema: ClassVar = {"type": "string", "pattern": "^[0-9a-f]{24}$"}

"""Which serializer field a field of a document becomes, as DRF has it for models."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mongoengine
from mongoengine.base import BaseField
from mongoengine.errors import ValidationError as DocumentValidationError
from rest_framework import serializers

from templatesvc.api.fields import (
    MAX_LIST_LENGTH,
    AnyJSONField,
    DateField,
    DateTimeField,
    DecimalField,
    EmbeddedSerializer,
    FloatField,
    IntegerField,
    JSONObjectField,
    ListField,
    ObjectIdField,
    TextField,
    UUIDField,
)
from templatesvc.mongo.fields import ObjectField, RawField

Make = Callable[[Any, dict[str, Any]], Any]
# Fields whose bounds their serializer fields check.
BOUNDED = (
    mongoengine.StringField,
    mongoengine.IntField,
    mongoengine.FloatField,
    mongoengine.Decimal128Field,
    mongoengine.ListField,
)
# Those of them that look at more than that: at schemes, and at domains.
PARTICULAR = (mongoengine.URLField, mongoengine.EmailField)


def field_for(field: BaseField, **options: Any) -> serializers.Field:
    """Return the serializer field for a field of a document: its type, its bounds, its choices.

    ``options`` for the serializer field override what is derived. Its ``has_default`` says whether
    the document's field always has a value.
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
    """Return the options that follow from what all kinds of fields have."""
    options: dict[str, Any] = {"validators": [Validator(field)]}
    if getattr(field, "help_text", None):
        options["help_text"] = field.help_text
    if field.required and field.default is None:
        return options
    options |= {"required": False, "allow_null": True}
    return options if field.default is None else options | {"initial": field.default}


class Validator:
    """A document field's own checks; MongoEngine's errors become a 400 on the field.

    Mere bounds are left out: the serializer's field checks them, and would report them twice.
    """

    def __init__(self, field: BaseField) -> None:
        self.field = field

    def __call__(self, value: Any) -> None:
        field = self.field
        try:
            if not isinstance(field, BOUNDED) or isinstance(field, PARTICULAR):
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


def _simple(kind: type[serializers.Field]) -> Make:
    return lambda _, options: kind(**options)


def _text(kind: type[serializers.CharField]) -> Make:
    def make(field: Any, options: dict[str, Any]) -> serializers.Field:
        bounds = {"max_length": field.max_length, "min_length": field.min_length}
        options = {name: n for name, n in bounds.items() if n is not None} | options
        # If a text may be anything, an empty box of a form is an empty text; otherwise it is null.
        is_free = kind is TextField and not field.min_length and not field.regex
        if is_free and not field.required:
            options.setdefault("allow_blank", True)
        return kind(**options)

    return make


def _number(kind: type[serializers.Field]) -> Make:
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
    if field.required:  # which has no empty list, although it has one by default
        options |= {"required": True, "allow_null": False, "allow_empty": False}
    if isinstance(field.field, mongoengine.EmbeddedDocumentField):
        # DRF would run the validators on each entry.
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


# In this order, because fields further up may be subclasses of those further down.
MADE_FOR: dict[Any, Make] = {
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

"""Templates as they come in and go out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from templates_app.documents import check_template, check_value
from templatesvc.serializers import StrictSerializer

TEMPLATE_SCHEMA = {
    "oneOf": [
        {"type": "string", "minLength": 1, "maxLength": 100000},
        {"type": "object", "additionalProperties": True},
    ],
    "example": {"kind": "book", "author": "Orwell", "year": 1949},
}


class JSONValueField(serializers.Field):
    """A JSON value, checked by a function that raises ValueError with a sentence."""

    def __init__(self, check: Callable[[Any], None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check

    def to_internal_value(self, data: Any) -> Any:
        try:
            self.check(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error), code="invalid_template") from error
        return data

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(TEMPLATE_SCHEMA)
class TemplateField(JSONValueField):
    """A new template: a text or an object."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("style", {"base_template": "textarea.html", "rows": 6})
        super().__init__(check_template, **kwargs)


@extend_schema_field({"description": "Any JSON value.", "example": "My First Template"})
class StoredValueField(JSONValueField):
    """The value of a template that may be stored: the Flask service took any JSON value."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_value, allow_null=True, **kwargs)


class TemplateSerializer(StrictSerializer):
    """A template under ``/api/v1/templates``."""

    id = serializers.CharField(read_only=True)
    template = TemplateField()
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(source="created", read_only=True)
    updated_at = serializers.DateTimeField(source="updated", read_only=True)
    url = serializers.HyperlinkedIdentityField(view_name="template-detail", lookup_field="pk")


class FlaskTemplateSerializer(serializers.Serializer):
    """The body of ``/create``, and an entry of ``/get``."""

    profile = serializers.CharField(read_only=True)
    template = TemplateField()


class FlaskTemplateListSerializer(serializers.Serializer):
    """The answer of ``/get``."""

    docs = FlaskTemplateSerializer(many=True)


class FlaskUpdateSerializer(serializers.Serializer):
    """The body of ``/update``."""

    old_template = StoredValueField()
    new_template = TemplateField()


class FlaskDeleteSerializer(serializers.Serializer):
    """The body of ``/delete``."""

    template = StoredValueField()

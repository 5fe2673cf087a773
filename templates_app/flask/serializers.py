"""Templates as they come in and go out on the routes of the Flask service."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from templates_app.documents import Template
from templates_app.serializers import TemplateField
from templatesvc.api.fields import JSONValueField
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.serializers import InputSerializer
from templatesvc.mongo.values import check_stored


class StoredValueField(JSONValueField):
    """The value of a template that may be stored: the Flask service took any JSON value."""

    takes_any_value = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_stored, "invalid_template", allow_null=True, **kwargs)


class FlaskTemplateSerializer(InputSerializer):
    """The body of ``/create``, and an entry of ``/get``."""

    profile = serializers.CharField(source="owner", read_only=True)
    template = TemplateField()

    def to_representation(self, instance: Template) -> dict[str, Any]:
        return {"profile": instance.owner, "template": instance.template}

    @classmethod
    def as_json(cls, instance: Template) -> bytes:
        """Return what the serializer would and the renderer make of it, for an answer in pieces."""
        return JSONRenderer().render(cls().to_representation(instance))


class FlaskTemplateListSerializer(serializers.Serializer):
    """The answer of ``/get``."""

    docs = FlaskTemplateSerializer(many=True)


class FlaskUpdateSerializer(InputSerializer):
    """The body of ``/update``."""

    old_template = StoredValueField()
    new_template = TemplateField()


class FlaskDeleteSerializer(InputSerializer):
    """The body of ``/delete``."""

    template = StoredValueField()

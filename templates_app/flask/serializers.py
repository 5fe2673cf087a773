"""Templates as they come in and go out on the routes of the Flask service."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from templates_app.documents import Template
from templates_app.serializers import TemplateField
from templatesvc.api.fields import JSONValueField
from templatesvc.api.notation import plain_json
from templatesvc.api.serializers import InputSerializer
from templatesvc.mongo.values import check_stored


class StoredValueField(JSONValueField):
    """The value of a template that may be stored: the Flask service took any JSON value."""

    takes_any_value = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(check_stored, "invalid_template", allow_null=True, **kwargs)


def entry(template: Template) -> dict[str, Any]:
    """Return a template as it stands in the list of ``/get``."""
    return {"profile": template.owner, "template": template.template}


def entry_as_json(template: Template) -> bytes:
    """Return the entry as the renderer would write it, for an answer in pieces."""
    return plain_json(entry(template))


class FlaskTemplateSerializer(InputSerializer):
    """The body of ``/create``, and an entry of ``/get``."""

    profile = serializers.CharField(source="owner", read_only=True)
    template = TemplateField()

    def to_representation(self, instance: Template) -> dict[str, Any]:
        return entry(instance)


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

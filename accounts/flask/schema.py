"""What the OpenAPI schema says of the Flask service's routes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import APIException

from templatesvc.api.schema import AutoSchema


class MessageSerializer(serializers.Serializer):
    """The Flask service's answer of a single sentence."""

    msg = serializers.CharField()


class FlaskSchema(AutoSchema):
    """The schema of routes whose errors are sentences, and which may be deprecated."""

    error_serializer = MessageSerializer
    error_type = "application/json"

    def is_deprecated(self) -> bool:
        return bool(settings.FLASK_DEPRECATION and self.view.is_deprecated)

    def error_example(self, code: str, error: APIException) -> dict[str, Any]:
        return {"value": self.view.error_body(error)}

"""Serializers of input, which name unknown fields, and those of what every service answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.settings import api_settings

from templatesvc.api import hidden

NON_FIELD_ERRORS = api_settings.NON_FIELD_ERRORS_KEY


class InputSerializer(serializers.Serializer):
    """Input of a client. If a field is missing, it names unknown ones, which may be misspelt."""

    default_error_messages = {"invalid": "Send a JSON object."}
    NAMED = 18  # unknown fields: with their count, and that one is missing, twenty errors

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            values: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            codes = error.get_codes()
            if ["required"] not in codes.values():
                raise
            faults = self.unfitting_form(data) or self.unknown(data)
            raise serializers.ValidationError(error.detail | faults) from error
        return values

    def unfitting_form(self, data: Any) -> dict[str, Any]:
        """Return an error for a form without any known field: it was probably meant as JSON."""
        media_type = getattr(data, "media_type", None)  # which forms alone have
        if media_type is None or any(name in self.fields for name in data):
            return {}
        return {
            NON_FIELD_ERRORS: [
                f"The body came as {media_type}. Send JSON with Content-Type: application/json."
            ]
        }

    def unknown(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return errors for the first unknown fields, and how many there are if there are more."""
        known = {*self.fields, *hidden.FIELDS}
        # A form has the members of an object as object.member.
        is_form = isinstance(data, QueryDict)
        unknown = [
            name
            for name in data
            if name not in known and not (is_form and name.partition(".")[0] in known)
        ]
        # A name that is not valid Unicode could not be written into the answer.
        first = [name.encode(errors="backslashreplace").decode() for name in unknown[: self.NAMED]]
        there_is = ", ".join(name for name, field in self.fields.items() if not field.read_only)
        count = f"{len(unknown):,} fields are unknown."
        messages = {NON_FIELD_ERRORS: count} if len(unknown) > self.NAMED else {}
        messages |= dict.fromkeys(first, f"Unknown field; there is: {there_is}.")
        return serializers.ValidationError(messages, code="unknown_field").detail


class StrictSerializer(InputSerializer):
    """Refuses unknown fields, so that a misspelt one is not silently ignored.

    A partial change must not name fields that can't be changed. A whole representation may contain
    them, as it was read.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values = super().to_internal_value(data)
        if faults := self.unknown(data) | (self.fixed(data) if self.partial else {}):
            raise serializers.ValidationError(faults)
        return values

    def fixed(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the errors for given fields that can't be changed."""
        names = [name for name, field in self.fields.items() if field.read_only and name in data]
        messages = dict.fromkeys(names, "This field can't be changed.")
        return serializers.ValidationError(messages, code="read_only").detail


class FieldErrorSerializer(serializers.Serializer):
    """What is wrong with a field."""

    field = serializers.CharField(help_text="A dotted path; empty for the body as a whole.")
    message = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """An error (RFC 9457)."""

    type = serializers.CharField(help_text="The path of the page that explains it.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong, for people.")
    code = serializers.CharField(help_text="What went wrong, for programs.")
    errors = FieldErrorSerializer(many=True, required=False)


class HealthSerializer(serializers.Serializer):
    """The service does its work."""

    status = serializers.CharField()


class NotReadySerializer(serializers.Serializer):
    """The service can't do its work now, and why."""

    status = serializers.CharField()
    reason = serializers.CharField()


class ProblemTypeSerializer(serializers.Serializer):
    """A type of problem: when it comes, an example of it, and what to do."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    when = serializers.CharField()
    example = ProblemSerializer()
    remedy = serializers.CharField()


class ProblemTypeListSerializer(serializers.Serializer):
    """All types of problems."""

    results = ProblemTypeSerializer(many=True)

"""What the serializers of both apps share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class TextField(serializers.CharField):
    """A text exactly as it was sent: DRF's would trim it, and take a number for one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictSerializer(serializers.Serializer):
    """Refuses fields it does not know, so that a misspelt one is not lost without a word."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        values = super().to_internal_value(data)
        # A name that is not valid Unicode could not be written into the answer.
        names = {str(name).encode(errors="backslashreplace").decode() for name in data}
        # A page's form brings the CSRF token along.
        unknown = names - set(self.fields) - {"csrfmiddlewaretoken"}
        if unknown:
            known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
            raise serializers.ValidationError(
                dict.fromkeys(sorted(unknown), f"Unknown field; there is: {known}."),
                code="unknown_field",
            )
        return values

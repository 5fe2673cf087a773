"""JSON merge patches (RFC 7396)."""

from __future__ import annotations

from typing import IO, Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from templatesvc.api.negotiation import media_type_of
from templatesvc.api.parsers import JSONParser


class MergePatchParser(JSONParser):
    """A JSON merge patch (RFC 7396), which only PATCH takes."""

    media_type = "application/merge-patch+json"
    methods = ("PATCH",)

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: dict[str, Any] | None = None,
    ) -> Any:
        """Return the patch; raises UnsupportedMediaType (415)."""
        if parser_context and parser_context["request"].method not in self.methods:
            raise UnsupportedMediaType(self.media_type)
        return super().parse(stream, media_type, parser_context)


def merged(target: Any, patch: Any) -> Any:
    """Return the target with the patch merged into it (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def is_merge_patch(request: Request) -> bool:
    """Tell whether the body of a request is a merge patch."""
    return media_type_of(request) == MergePatchParser.media_type

"""What comes with the serializer of a document: those of versions, merge patches and imports."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.links import url_of
from templatesvc.api.serializers import StrictSerializer
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.versions import MAX_VERSION


class VersionSerializer(serializers.Serializer):
    """A state that {a} was in."""

    id = serializers.CharField(source="document_id", read_only=True)
    version = serializers.IntegerField(read_only=True, max_value=MAX_VERSION)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    replaced_at = serializers.DateTimeField(read_only=True)
    url = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.URI)
    def get_url(self, version: DocumentVersion) -> str:
        route, id = f"{version.document_class.names.slug}-version", str(version.document_id)
        return url_of(route, self.context["request"], pk=id, number=version.version)


class MergePatchSerializer(StrictSerializer):
    """The body of a PATCH that is a merge patch."""

    merges = True


class RestoreSerializer(StrictSerializer):
    """Which version to go back to."""

    version = serializers.IntegerField(min_value=1, max_value=MAX_VERSION)


class ImportLineSerializer(serializers.Serializer):
    """What became of a line."""

    line = serializers.IntegerField()
    status = serializers.ChoiceField(["created", "replaced", "skipped", "invalid"])
    id = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class ImportResultSerializer(serializers.Serializer):
    """What became of an import."""

    created = serializers.IntegerField()
    replaced = serializers.IntegerField()
    skipped = serializers.IntegerField()
    invalid = serializers.IntegerField()
    results = ImportLineSerializer(many=True)


class Companions(NamedTuple):
    """The serializers that come with a document's."""

    version: Any  # without values
    full_version: Any
    version_list: Any
    deleted: Any
    merge_patch: Any


def _companions(serializer: type[DocumentSerializer]) -> Companions:
    """Make the serializers that come with a document's, named after it."""
    names, of = serializer.Meta.document.names, serializer.Meta.document.__name__

    def make(name: str, base: Any, text: str, /, **fields: Any) -> Any:
        attrs = fields | {"__doc__": names.fill(text)}
        return type(name.format(of) + "Serializer", (base,), attrs)

    def copies(read_only: bool = False, **options: Any) -> dict[str, serializers.Field]:
        options |= {"read_only": True} if read_only else {}
        return {
            name: _copy(field, options)
            for name, field in serializer().fields.items()
            if name in serializer.own_names() and not (read_only and field.write_only)
        }

    version = make("{}Version", VersionSerializer, "A state that {a} was in.")
    return Companions(
        version,
        make(
            "Full{}Version",
            version,
            "A state that {a} was in, with what it held.",
            **copies(read_only=True),
        ),
        make(
            "{}VersionList",
            serializers.Serializer,
            "The old versions of {a}.",
            results=version(many=True),
        ),
        make(
            "Deleted{}",
            version,
            "{A} that can be restored.",
            deleted_at=serializers.DateTimeField(read_only=True),
        ),
        make(
            "{}MergePatch",
            MergePatchSerializer,
            "What is merged into {a} (RFC 7396): null empties a field.",
            **copies(required=False),
        ),
    )


companions: Callable[[Any], Companions] = cache(_companions)


def _copy(field: serializers.Field, options: dict[str, Any]) -> serializers.Field:
    """Return a field made anew with other options."""
    # As DRF copies fields: the child of a list is made anew as well. A document's own checks are
    # left out, because a merge patch may have parts of values, and the merged document is checked.
    kwargs = {n: copy.deepcopy(v) for n, v in field._kwargs.items() if n != "validators"} | options
    if options.get("read_only"):
        for name in ("required", "default"):
            kwargs.pop(name, None)
    return type(field)(*field._args, **kwargs)

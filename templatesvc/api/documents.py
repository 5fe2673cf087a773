"""Serializers of documents: made from their fields, as ModelSerializer's are from a model's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import Any

from django.utils.encoding import iri_to_uri
from rest_framework import serializers
from rest_framework.fields import SkipField

from templatesvc.api.field_mapping import field_for
from templatesvc.api.links import url_with_placeholder
from templatesvc.api.serializers import StrictSerializer
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.resources import ResourceDocument
from templatesvc.mongo.versions import MAX_VERSION

# No host name has a tilde, and no URL has to quote it.
ID_PLACEHOLDER = "~id~"


class DocumentSerializer(StrictSerializer):
    """A resource's document as it comes in and goes out.

    ``Meta`` names the ``document`` and its ``fields``. Fields that the class does not declare are
    made from the document's, with the options in ``extra_kwargs``. ``example`` holds a value for
    each field, for the schema.
    """

    class Meta:
        document: type[ResourceDocument]
        fields: Sequence[str]
        example: Mapping[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if taken := {"id", "version", "created_at", "updated_at", "url"} & {*cls.Meta.fields}:
            raise TypeError(
                f"{cls.__name__}: every document has {', '.join(sorted(taken))} already; rename it."
            )
        there = {*cls.Meta.document.own_fields, *cls._declared_fields}
        if unknown := {*cls.Meta.fields} - there:
            raise TypeError(
                f"{cls.__name__}.Meta.fields: {cls.Meta.document.__name__} has no field "
                f"{sorted(unknown)[0]!r}."
            )
        # What the schema says of it.
        cls.__doc__ = cls.__dict__.get("__doc__") or cls.Meta.document.__doc__

    def get_fields(self) -> dict[str, serializers.Field]:
        meta, declared = self.Meta, super().get_fields()
        options = getattr(meta, "extra_kwargs", {})
        own = {
            name: declared.pop(name, None)
            or field_for(meta.document._fields[name], **options.get(name, {}))
            for name in meta.fields
        }
        return (
            {"id": serializers.CharField(read_only=True)}
            | own
            | declared
            | {
                "version": serializers.IntegerField(read_only=True, max_value=MAX_VERSION),
                "created_at": serializers.DateTimeField(source="created", read_only=True),
                "updated_at": serializers.DateTimeField(source="updated", read_only=True),
                "url": serializers.HyperlinkedIdentityField(
                    view_name=f"{meta.document.names.slug}-detail", lookup_field="pk"
                ),
            }
        )

    # --- Going out ---------------------------------------------------------------------------

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return what the fields would return, as DRF does, in 5 µs instead of 50."""
        if not isinstance(instance, self.Meta.document):  # a page shows again what was typed
            return super().to_representation(instance)
        id = str(instance.id)
        # Quoting takes longer, and ids of letters and digits, as all that are made here, need none.
        quoted = id if id.isascii() and id.isalnum() else iri_to_uri(id)
        row = {
            "id": id,
            **self.own_representation(instance),
            "version": int(instance.version),
            "created_at": instance.created,
            "updated_at": instance.updated,
            "url": self._url.replace(ID_PLACEHOLDER, quoted),
        }
        for name, field in self._others.items():
            with suppress(SkipField):  # of a part that is not there
                value = field.get_attribute(instance)
                row[name] = None if value is None else field.to_representation(value)
        return row

    @classmethod
    def own_representation(
        cls, instance: ResourceDocument | DocumentVersion, is_secret_shown: bool = False
    ) -> dict[str, Any]:
        """Return the values of the document's own fields as answers have them.

        Without those that are ``write_only``, unless ``is_secret_shown``.
        """
        return {
            name: write(value) if (value := getattr(instance, name)) is not None else None
            for name, write in _writers(cls, is_secret_shown).items()
        }

    @cached_property
    def _others(self) -> dict[str, serializers.Field]:
        """The declared fields that are not the document's."""
        names = self._declared_fields.keys() - self.own_names()
        return {name: self.fields[name] for name in names if not self.fields[name].write_only}

    @classmethod
    def own_names(cls) -> set[str]:
        """Return the names of those fields that are the document's own."""
        return {*cls.Meta.fields} & {*cls.Meta.document.own_fields}

    @cached_property
    def _url(self) -> str:
        """The URL of a document, with a place for its id."""
        route = f"{self.Meta.document.names.slug}-detail"
        return url_with_placeholder(route, ID_PLACEHOLDER, self.context["request"])

    # --- Coming in ---------------------------------------------------------------------------

    @property
    def writable(self) -> list[str]:
        """The names of the fields that a client sends."""
        own = self.own_names()
        return [n for n in self.Meta.fields if n in own and not self.fields[n].read_only]

    @property
    def values(self) -> dict[str, Any]:
        """The valid values that were sent, one for each field that clients can send."""
        return self.values_of(self.validated_data)

    def values_of(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a value for each field that clients can send.

        A field that was left out gets its default, or None.
        """
        return self.emptied({name: given.get(name) for name in self.writable})

    def emptied(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values with the default of the field in place of null."""
        default_of = self.Meta.document.default_of
        return {n: default_of(n) if value is None else value for n, value in values.items()}


def _made_writers(
    serializer: type[DocumentSerializer], is_secret_shown: bool
) -> dict[str, Callable[[Any], Any]]:
    """Return the functions that turn values of a document's own fields into JSON."""
    fields, own = serializer().fields, serializer.own_names()
    return {
        name: fields[name].to_representation
        for name in serializer.Meta.fields
        if name in own and (is_secret_shown or not fields[name].write_only)
    }


_writers: Callable[[Any, bool], dict[str, Callable[[Any], Any]]] = cache(_made_writers)

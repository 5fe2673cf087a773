"""What the class of a resource declares, checked and completed while it is made."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mongoengine import (
    CachedReferenceField,
    DictField,
    DynamicField,
    EmbeddedDocumentField,
    GenericEmbeddedDocumentField,
    GenericLazyReferenceField,
    GenericReferenceField,
    LazyReferenceField,
    ListField,
    ReferenceField,
    StringField,
)
from mongoengine.base import BaseField, TopLevelDocumentMetaclass

from templatesvc.mongo.fields import RawField
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.names import Names
from templatesvc.mongo.quota import Usage

# Names that every class of these documents has beside those of its instances.
TAKEN = {"document_class", "names", "objects", "own_fields", "url"}
RESERVED = ("id", "owner", "version", "created_at", "updated_at")
# What ``meta`` calls the lists of unique fields, by whether the documents have owners.
UNIQUE = {True: "unique_for_owner", False: "unique_together"}
# Fields that load another document, or take an object for one by its ``_cls``.
LOADING = (
    ReferenceField,
    CachedReferenceField,
    LazyReferenceField,
    GenericReferenceField,
    GenericLazyReferenceField,
    GenericEmbeddedDocumentField,
    DictField,
    DynamicField,
)
HOLDING_LISTS = (ListField, RawField)
# Characters. A cursor holds up to four bytes for each, in base64 twice, and is a part of a URL.
MAX_SORTED_LENGTH = 1000


class ResourceMetaclass(TopLevelDocumentMetaclass):
    """Derives a document's indexes, names and history from its fields and its ``meta``."""

    def __new__(mcs, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> Any:
        meta = attrs.setdefault("meta", {})
        if meta.get("abstract"):
            return super().__new__(mcs, name, bases, attrs)
        is_owned = any("owner" in getattr(base, "_fields", ()) for base in bases)
        fields = _own_fields(bases, attrs, is_owned)
        settings = ChainMap(meta, *(base._meta for base in bases if hasattr(base, "_meta")))
        _check_settings(f"{name}.meta", settings, fields, is_owned)
        for field_name, field in fields.items():
            _check_field(f"{name}.{field_name}", field_name, field, UNIQUE[is_owned])
            _tolerate_what_is_gone(field)
        names = Names.of(name, meta)._replace(is_owned=is_owned)
        meta.setdefault("collection", names.slugs)
        meta["indexes"] = [*_indexes(settings, is_owned), *meta.get("indexes", [])]
        document: Any = super().__new__(mcs, name, bases, attrs)
        document.names = names
        document.own_fields = tuple(f for f in document._fields_ordered if f not in RESERVED)
        owner = ("owner",) if is_owned else ()
        document._fields_ordered = ("id", *owner, *document.own_fields, *RESERVED[2:])
        if is_owned:
            document._meta["shards_by"] = (document.owner.db_field, 1)
            Usage.register_counter(document.amount_of)
        document.Version = DocumentVersion.of_document(document)
        return document


def _own_fields(
    bases: Iterable[type], attrs: dict[str, Any], is_owned: bool
) -> dict[str, BaseField]:
    """Return the fields that a class will have beside the reserved ones, inherited or not."""
    classes = [vars(each) for base in reversed([*bases]) for each in reversed(base.__mro__)]
    there = {name: value for each in [*classes, attrs] for name, value in each.items()}
    reserved = _reserved(is_owned)
    return {
        name: value
        for name, value in there.items()
        if isinstance(value, BaseField) and name not in reserved
    }


def _reserved(is_owned: bool) -> list[str]:
    return [name for name in RESERVED if is_owned or name != "owner"]


def _check_settings(
    what: str, settings: Mapping[str, Any], fields: dict[str, BaseField], is_owned: bool
) -> None:
    """Raise TypeError for a setting that names no field, or none that it can be about."""
    rule, wrong = UNIQUE[is_owned], UNIQUE[not is_owned]
    if wrong in settings:
        raise TypeError(f"{what}[{wrong!r}]: say {rule!r} here.")
    known = {*fields, *_reserved(is_owned)} - {"version"}
    orderings = settings.get("orderings", [])
    _check_lists(f"{what}[{rule!r}]", settings.get(rule, []), known, "[['title', 'author']]")
    _check_lists(f"{what}['orderings']", [orderings], known, "['title']")
    if lists := [each for each in orderings if isinstance(fields.get(each), HOLDING_LISTS)]:
        raise TypeError(
            f"{what}['orderings']: {lists[0]!r} can hold lists, which have no place in an order; "
            "leave it out."
        )
    if endless := [each for each in orderings if _is_endless(fields.get(each))]:
        raise TypeError(
            f"{what}['orderings']: {endless[0]!r} can be longer than a cursor, a part of a URL, "
            f"may be; give it a max_length of at most {MAX_SORTED_LENGTH}, or leave it out."
        )


def _is_endless(field: BaseField | None) -> bool:
    """Tell whether a field holds texts that have no room in a cursor."""
    if not isinstance(field, StringField) or field.choices:
        return False
    return not field.max_length or field.max_length > MAX_SORTED_LENGTH


def _check_lists(what: str, lists: Any, known: set[str], example: str) -> None:
    """Raise TypeError unless the lists of a setting name fields, and nothing else."""
    names = [name for each in lists for name in each]
    is_text = any(isinstance(each, str) for each in lists)
    if is_text or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{what}: give a list, such as {example}.")
    if unknown := {*names} - known:
        raise TypeError(f"{what}: there is no field {sorted(unknown)[0]!r}.")


def _indexes(settings: Mapping[str, Any], is_owned: bool) -> Iterator[dict[str, Any]]:
    owner = ["owner"] if is_owned else []
    for fields in settings.get(UNIQUE[is_owned], []):
        yield {"fields": [*owner, *fields], "unique": True}
    for field in ["id", "updated_at", *settings.get("orderings", [])]:
        fields = list(dict.fromkeys([*owner, f"-{field}", "-id"]))
        if fields != ["-id"]:  # which every collection has
            yield {"fields": fields}


def _check_field(what: str, name: str, field: BaseField, rule: str) -> None:
    """Raise TypeError for a field that would break what these documents promise."""
    from templatesvc.mongo.resources import ResourceDocument  # which is itself made here

    if hasattr(ResourceDocument, name) or name in DocumentVersion._fields or name in TAKEN:
        raise TypeError(f"{what}: every document has a {name!r} already; rename the field.")
    if field.unique or field.unique_with:
        raise TypeError(
            f"{what}: unique=True would tell one owner what another has; "
            f'declare meta = {{"{rule}": [["{name}"]]}} instead.'
        )
    if any(map(_loads, _within(field))):
        raise TypeError(
            f"{what}: MongoEngine would load documents of other owners that a value names. Keep an "
            "id in an ObjectIdField and look it up with objects.of(owner); keep free JSON in an "
            "ObjectField or RawField of templatesvc.mongo.fields; give a ListField its field."
        )


def _within(field: BaseField) -> Iterator[BaseField]:
    """Yield a field, and every field within it."""
    yield field
    inner = [getattr(field, "field", None)]
    if isinstance(field, EmbeddedDocumentField):
        inner += field.document_type._fields.values()
    for each in filter(None, inner):
        yield from _within(each)


def _loads(field: BaseField) -> bool:
    """Tell whether a field loads the document that a value names."""
    is_free = isinstance(field, ListField) and field.field is None
    return is_free or isinstance(field, LOADING)


def _tolerate_what_is_gone(field: BaseField) -> None:
    """Have embedded documents be read even if they hold fields that their class no longer has."""
    for each in _within(field):
        if isinstance(each, EmbeddedDocumentField):
            each.document_type._meta["strict"] = False

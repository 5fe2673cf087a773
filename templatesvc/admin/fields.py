"""Forms of documents: how a person types each value, and how it is read.

The document's serializer checks what was typed, like a PATCH of the fields that were touched. All
other fields stay exactly as they are.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime
from typing import Any

from django import forms
from rest_framework import serializers

from templatesvc.admin.forms import ReasonForm
from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.fields import ObjectIdField
from templatesvc.api.notation import extended_json, fault_of, format_time, from_extended_json
from templatesvc.mongo.resources import ResourceDocument, Values

# A value of these is one line, and a list of them has a line for each entry.
NUMBERS = (serializers.IntegerField, serializers.FloatField, serializers.DecimalField)
ONE_LINE = (
    *(*NUMBERS, serializers.DateTimeField, serializers.UUIDField),
    *(serializers.EmailField, serializers.URLField, ObjectIdField),
)
SIMPLE = (*ONE_LINE, serializers.CharField, serializers.ChoiceField, serializers.DateField)
SHORT_TEXT = 255  # characters: a text that can't be longer has a small box
YES_NO = {"true": True, "false": False, "": None}


def serializer_of(document: type[ResourceDocument]) -> type[DocumentSerializer]:
    """Make a serializer of all the document's own fields."""
    meta = type("Meta", (), {"document": document, "fields": list(document.own_fields)})
    return type(f"{document.__name__}FormSerializer", (DocumentSerializer,), {"Meta": meta})


def form_of(serializer_class: type[DocumentSerializer]) -> type[ReasonForm]:
    """Make the form of the fields that a serializer takes."""
    serializer = serializer_class()
    fields = {name: form_field(serializer.fields[name]) for name in serializer.writable}
    if "reason" in serializer.Meta.fields:
        raise TypeError(
            f"{serializer.Meta.document.__name__}.reason: the form has a reason already, that of "
            "the operator; rename the field, or give the admin a form_class of its own."
        )
    name = f"{serializer.Meta.document.__name__}Form"
    return type(name, (ReasonForm,), fields | {"field_order": [*fields, "reason"]})


class TypedText(forms.CharField):
    """A text as it was typed; browsers send each line break as CR LF."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


def form_field(field: serializers.Field) -> forms.Field:
    """Return the form field for a field of a serializer."""
    options = {"help_text": field.help_text or _hint(field), "required": _is_required(field)}
    if isinstance(field, serializers.BooleanField):
        if not _may_be_null(field):
            return forms.BooleanField(**options)
        return forms.ChoiceField(choices=[("", "-"), ("true", "Yes"), ("false", "No")], **options)
    if isinstance(field, serializers.ChoiceField):
        choices = [(str(value), label) for value, label in field.choices.items()]
        return forms.ChoiceField(choices=[("", "-"), *choices], **options)
    return TypedText(widget=_widget(field), **options)


def _may_be_null(field: serializers.Field) -> bool:
    return field.allow_null and not getattr(field, "has_default", False)


def _is_required(field: serializers.Field) -> bool:
    """Tell whether the field must not be empty."""
    may_be_empty = getattr(field, "allow_blank", False)
    return isinstance(field, SIMPLE) and field.required and not may_be_empty


def _widget(field: serializers.Field) -> forms.Widget:
    if isinstance(field, serializers.DateField):
        return forms.DateInput(attrs={"type": "date"})
    if isinstance(field, NUMBERS):
        # Not an input of type number, which a browser empties of NaN, for example.
        return forms.TextInput(attrs={"inputmode": "decimal", "class": "vTextField"})
    if isinstance(field, ONE_LINE):
        return forms.TextInput(attrs={"class": "vTextField"})
    # All other texts: an input of one line would drop their line breaks.
    is_text = isinstance(field, serializers.CharField)
    is_short = is_text and (field.max_length or SHORT_TEXT + 1) <= SHORT_TEXT
    attrs = {"class": "vLargeTextField", "rows": 2 if is_short else 8}
    return forms.Textarea(attrs=attrs | ({} if is_text else {"spellcheck": "false"}))


def _hint(field: serializers.Field) -> str:
    if isinstance(field, serializers.DateTimeField):
        return "In UTC: 2026-01-31T12:00:00Z."
    if isinstance(field, (serializers.BooleanField, *SIMPLE)):
        return ""
    return "One entry a line." if _has_lines(field, []) else "As JSON."


def _has_lines(field: serializers.Field, entries: Any) -> bool:
    """Tell whether a list is typed as one line for each entry; JSON if an entry has line breaks."""
    if not isinstance(field, serializers.ListField) or not isinstance(field.child, SIMPLE):
        return False
    return all(len(_line(entry).splitlines()) == 1 for entry in entries or [])


# --- From a document to the form, and back ---------------------------------------------------


def initial_values(
    serializer_class: type[DocumentSerializer], document: ResourceDocument
) -> dict[str, Any]:
    """Return the initial values of the form."""
    values = serializer_class.own_representation(document, is_secret_shown=True)
    serializer = serializer_class()
    return {
        name: _initial_value(serializer.fields[name], values[name]) for name in serializer.writable
    }


def _initial_value(field: serializers.Field, value: Any) -> Any:
    if isinstance(field, serializers.BooleanField):
        return _yes_no(value) if _may_be_null(field) else bool(value)
    if value is None:
        return ""
    if isinstance(field, serializers.ChoiceField):
        return str(value) if value in field.choices else ""
    if isinstance(field, SIMPLE):
        return _line(value)
    if _has_lines(field, value):
        return "\n".join(_line(entry) for entry in value)
    return extended_json(value, indented=True)


def _line(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _yes_no(value: Any) -> str:
    return next((text for text, meant in YES_NO.items() if meant is value), "")


def new_values(serializer: DocumentSerializer, form: dict[str, Any]) -> Values:
    """Return the values of a new document; raises ValidationError (400)."""
    given = {n: _parsed(serializer.fields[n], form[n], None) for n in serializer.writable}
    data = {name: value for name, value in given.items() if value is not ...}
    checked = type(serializer)(data=data, context=serializer.context)
    checked.is_valid(raise_exception=True)
    return checked.values


def changed_values(
    serializer: DocumentSerializer,
    document: ResourceDocument,
    form: dict[str, Any],
    posted: Container[str],
) -> Values:
    """Return the new values of the fields that were touched; raises ValidationError (400).

    A page that is older than a field did not post it. Boxes that are not ticked are never posted.
    """
    before, fields = initial_values(type(serializer), document), serializer.fields
    names = [
        name
        for name in serializer.writable
        if _as_posted(form[name]) != _as_posted(before[name])
        and (name in posted or isinstance(before[name], bool))
    ]
    if not names:
        raise serializers.ValidationError("You have changed nothing.")
    values = type(serializer).own_representation(document, is_secret_shown=True)
    given = {name: _parsed(fields[name], form[name], values[name]) for name in names}
    # A field that was emptied and can't be null gets its default.
    defaults = {name: document.default_of(name) for name in names if given[name] is ...}
    checked = type(serializer)(
        document,
        data={name: value for name, value in given.items() if name not in defaults},
        partial=True,
        context=serializer.context,
    )
    checked.is_valid(raise_exception=True)
    return checked.emptied(checked.validated_data) | defaults


def _as_posted(value: Any) -> Any:
    """Return a text as a text box posts it: each kind of line break becomes LF."""
    is_text = isinstance(value, str)
    return value.replace("\r\n", "\n").replace("\r", "\n") if is_text else value


def _parsed(field: serializers.Field, text: Any, before: Any) -> Any:
    """Return what was typed as a client would send it in JSON; ``...`` stands for the default."""
    if isinstance(field, serializers.BooleanField):
        return YES_NO[text] if _may_be_null(field) else text
    if not text and field.allow_null:
        return None
    if _has_lines(field, before):
        return [line for line in text.split("\n") if line.strip()]
    if isinstance(field, serializers.CharField) or (text and isinstance(field, SIMPLE)):
        return text
    if not text:
        return ...
    try:
        return from_extended_json(text)
    except ValueError as error:
        message = f"This is not valid JSON: {fault_of(error)}."
        raise serializers.ValidationError({field.field_name: message}) from error

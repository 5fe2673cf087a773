"""The form in which an operator edits a template."""

from __future__ import annotations

from typing import Any

from django import forms
from rest_framework.exceptions import APIException

from templates_app.serializers import TemplateField
from templatesvc.admin.fields import TypedText
from templatesvc.admin.forms import ReasonForm
from templatesvc.api.notation import extended_json, fault_of, from_extended_json
from templatesvc.api.problems import message

KINDS = (("text", "Text"), ("object", "JSON object"))


class TemplateForm(ReasonForm):
    """A template as a person types it: a text, or an object in Extended JSON.

    Extended JSON preserves values that a script has put into the object. ``cleaned_data["value"]``
    is the template.
    """

    field_order = ("kind", "template", "reason")
    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect)
    template = TypedText(
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 12, "spellcheck": "false"})
    )

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            text, kind = self.cleaned_data["template"], self.cleaned_data["kind"]
            try:
                value = from_extended_json(text) if kind == "object" else text
                self.cleaned_data["value"] = TemplateField().run_validation(value)
            except APIException as error:
                self.add_error("template", message(error))
            except ValueError as error:
                self.add_error("template", f"This is not valid JSON: {fault_of(error)}.")
        return self.cleaned_data


def initial_values(value: Any) -> dict[str, str]:
    """Return the fields that hold a template, as ``TemplateForm`` reads it."""
    if isinstance(value, str):
        return {"kind": "text", "template": value}
    return {"kind": "object", "template": extended_json(value, indented=True)}

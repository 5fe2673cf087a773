"""What all forms of the pages share: errors of the service are shown beside the fields."""

from __future__ import annotations

from django import forms
from rest_framework.exceptions import APIException

from templatesvc.api.problems import field_errors, message


class PlainForm(forms.Form):
    """A form that can show why the service refused its values."""

    def add_refusal(self, refusal: APIException) -> None:
        """Show why the service refused: beside the field at fault, or above all of them."""
        errors, _ = field_errors(refusal)
        for error in errors:
            name, _, place = error["field"].partition(".")
            text = f"{place}: {error['message']}" if place else error["message"]
            self.add_error(name if name in self.fields else None, text)
        if not errors:
            self.add_error(None, message(refusal))


class ReasonForm(PlainForm):
    """Asks for the reason, for the audit."""

    reason = forms.CharField(
        max_length=500,
        help_text="Recorded in the audit.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class NameForm(PlainForm):
    """Asks to type the name, ``named``, before an action that can't be undone."""

    named = ""
    name = forms.CharField(
        strip=False,
        label="Type the name to confirm",
        widget=forms.TextInput(
            attrs={"class": "vTextField", "autocomplete": "off", "autocapitalize": "none"}
        ),
    )

    def clean_name(self) -> str:
        if self.cleaned_data["name"] != self.named:
            raise forms.ValidationError("This does not match the name.")
        return self.named

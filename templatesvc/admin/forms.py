"""What the forms of the pages share: errors of the service, told beside the fields."""

from __future__ import annotations

from django import forms
from rest_framework.exceptions import APIException

from templatesvc.api.problems import field_errors, message


class PlainForm(forms.Form):
    """A form that can tell why the service refused what was sent in it."""

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
    """Why it is done, for the audit."""

    reason = forms.CharField(
        max_length=500,
        help_text="Recorded in the audit.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class NameForm(PlainForm):
    """The name of what is meant, typed out, for what can't be undone; ``named`` has to be set."""

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

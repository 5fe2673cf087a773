"""The form that a person logs in with in a browser."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from accounts.limits import TooManyAttempts

# Phones would begin a name with a capital letter.
USERNAME_ATTRIBUTES = {"autofocus": True, "autocapitalize": "none", "autocomplete": "username"}


class LoginForm(AuthenticationForm):
    """Django's, with the username as it was typed: Django's would trim and normalise it."""

    username = forms.CharField(strip=False, widget=forms.TextInput(attrs=USERNAME_ATTRIBUTES))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Names from the Flask service may be longer than what can be registered here.
        self.fields["username"].widget.attrs.pop("maxlength", None)
        for field in self.fields.values():
            # A form may name an encoding of its own, in which there can be such characters.
            field.validators.append(ProhibitSurrogateCharactersValidator())
            field.widget.attrs["class"] = "form-control"

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyAttempts as error:
            raise forms.ValidationError(str(error.detail), code=error.default_code) from error

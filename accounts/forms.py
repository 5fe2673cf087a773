"""The forms to log in and register in a browser, and operators' forms for accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import password_validators_help_texts

from accounts.limits import TooManyAttempts
from accounts.operators import Role
from templatesvc.admin.forms import PlainForm

# Phones would begin a name with a capital letter.
USERNAME_ATTRIBUTES = {"autofocus": True, "autocapitalize": "none", "autocomplete": "username"}
NEW_PASSWORD = forms.PasswordInput(
    attrs={"class": "vTextField", "autocomplete": "new-password"}, render_value=False
)

OWN_PASSWORD = forms.PasswordInput(
    attrs={"class": "form-control", "autocomplete": "new-password"}, render_value=False
)


def same(again: str, password: str | None) -> str:
    """Return the second password; raises ValidationError if it differs from the first."""
    if again != password:
        raise forms.ValidationError("The two passwords are not the same.")
    return again


class LoginForm(AuthenticationForm):
    """Django's, but with the username as it was typed, not trimmed and normalised."""

    username = forms.CharField(strip=False, widget=forms.TextInput(attrs=USERNAME_ATTRIBUTES))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Names that another program stored may be longer than what can be registered here.
        self.fields["username"].widget.attrs.pop("maxlength", None)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except TooManyAttempts as error:
            raise forms.ValidationError(str(error.detail), code=error.default_code) from error


class RegistrationForm(PlainForm):
    """A new account for oneself; the serializer of the REST route checks it."""

    username = forms.CharField(
        strip=False, widget=forms.TextInput(attrs=USERNAME_ATTRIBUTES | {"class": "form-control"})
    )
    password = forms.CharField(strip=False, widget=OWN_PASSWORD)
    again = forms.CharField(strip=False, widget=OWN_PASSWORD, label="Password again")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = [*password_validators_help_texts(), "If you forget it, only an operator can help."]
        self.fields["password"].help_text = " ".join(map(str, rules))

    def clean_again(self) -> str:
        return same(self.cleaned_data["again"], self.cleaned_data.get("password"))

    @property
    def credentials(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in ("username", "password")}


class PasswordChangeForm(PlainForm):
    """A change of one's own password."""

    current_password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(
            attrs={"class": "vTextField", "autocomplete": "current-password", "autofocus": True}
        ),
    )
    new_password = forms.CharField(strip=False, widget=NEW_PASSWORD)
    again = forms.CharField(strip=False, widget=NEW_PASSWORD, label="New password again")

    def clean_again(self) -> str:
        return same(self.cleaned_data["again"], self.cleaned_data.get("new_password"))


class SetPasswordForm(PlainForm):
    """A password that an operator gives somebody."""

    password = forms.CharField(strip=False, widget=NEW_PASSWORD)
    must_change = forms.BooleanField(
        required=False, initial=True, label="Must be changed at next log-in"
    )


class AddUserForm(SetPasswordForm):
    """A new account."""

    field_order = ("username", "password", "must_change")
    username = forms.CharField(
        strip=False,
        widget=forms.TextInput(
            attrs={"class": "vTextField", "autocapitalize": "none", "autocomplete": "off"}
        ),
    )


class QuotaForm(PlainForm):
    """How much somebody may keep; an empty limit is that of the settings."""

    documents = forms.IntegerField(required=False, min_value=0, max_value=2**53 - 1)
    bytes = forms.IntegerField(required=False, min_value=0, max_value=2**53 - 1)


class RoleForm(PlainForm):
    """What somebody may do as an operator."""

    role = forms.ChoiceField(
        choices=[("", "none"), *((role.value, f"{role}: {role.label}") for role in Role)],
        required=False,
    )

    def clean_role(self) -> Role | None:
        return Role(self.cleaned_data["role"]) if self.cleaned_data["role"] else None

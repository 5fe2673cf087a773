"""Documents with a password: how it is kept, checked, and hashed anew."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import hashers

from accounts.names import opaque_password, password_forms
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.fields import TypedField


class PasswordDocument(ServiceDocument):
    """A document with a password, which is kept as a hash in Django's notation."""

    password = TypedField(str, default="!")

    meta = {"abstract": True}

    @classmethod
    def password_fields(cls, password: str) -> dict[str, Any]:
        """Return the fields in which a password is stored."""
        return {"password": hashers.make_password(opaque_password(password))}

    @property
    def encoded_password(self) -> str:
        """The hash to check against, in Django's notation."""
        return self.password

    def is_outdated(self) -> bool:
        """Tell whether it would be stored in another way today, however strong the hash is."""
        return False

    def check_password(self, password: str) -> bool:
        """Tell whether this is the password; if so, hash it anew if its hash is outdated."""
        return any(self._check_form(form) for form in password_forms(password))

    def _check_form(self, password: str) -> bool:
        try:
            is_correct, is_weak = hashers.verify_password(password, self.encoded_password)
        except ValueError:  # the hash is damaged
            return False
        if is_correct and (is_weak or self.is_outdated()):
            self._upgrade_password(password)
        return is_correct

    def _upgrade_password(self, password: str) -> None:
        fields = self.password_fields(password)
        # Unless another write, such as a change of password, came first.
        unchanged = type(self).objects(__raw__=self.identity_query, password=self.password)
        if unchanged.update_one(**{f"set__{name}": value for name, value in fields.items()}):
            self.password = fields["password"]

"""Users whose passwords two services check, while both run on the same collection."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.documents.passwords import PasswordDocument
from accounts.flask.hashers import FlaskSHA256Hasher
from templatesvc.mongo.documents import TypedField


class FlaskUser(PasswordDocument):
    """A user that the Flask service may have stored, and may be looking for.

    Side by side, ``password`` has the bare hash that it checks, and beside that stands the strong
    one that counts here.
    """

    strong_password = TypedField(str)
    # What shows that the strong hash is ours.
    strong_password_seal = TypedField(str)

    meta = {"abstract": True}

    @property
    def strong_hash(self) -> str:
        """The strong hash that this service put beside the Flask service's; empty if there is none.

        Empty also if the other side has changed the password since.
        """
        strong = self.strong_password or ""
        is_ours = constant_time_compare(
            self.strong_password_seal or "", seal(self.password, strong)
        )
        return strong if is_ours else ""

    @property
    def encoded_password(self) -> str:
        return self.strong_hash or FlaskSHA256Hasher.identified(self.password)

    def is_outdated(self) -> bool:
        return bool(self.strong_hash) != settings.FLASK_SIDE_BY_SIDE

    @classmethod
    def password_fields(cls, password: str) -> dict[str, Any]:
        fields = super().password_fields(password)
        if not settings.FLASK_SIDE_BY_SIDE:
            return fields | {"strong_password": None, "strong_password_seal": None}
        raw, strong = FlaskSHA256Hasher.digest(password), fields["password"]
        return {
            "password": raw,
            "strong_password": strong,
            "strong_password_seal": seal(raw, strong),
        }


def seal(raw: str, strong: str) -> str:
    """Return what shows that this service has put a strong hash beside a raw one.

    A registration at the Flask service could store any two fields, and have a hash checked here
    that takes gigabytes and minutes.
    """
    return salted_hmac("accounts.strong_password", raw + strong, algorithm="sha256").hexdigest()

"""Users whose passwords both services check while they run on the same collection."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.documents.passwords import PasswordDocument
from accounts.flask.hashers import FlaskSHA256Hasher
from templatesvc.mongo.fields import TypedField


class FlaskUser(PasswordDocument):
    """A user whom the Flask service may have stored, and may look up.

    Side by side, ``password`` has the bare hash that the Flask service checks, and
    ``strong_password`` the hash that this service checks.
    """

    strong_password = TypedField(str)
    # Proves that this service stored the strong hash.
    strong_password_seal = TypedField(str)

    meta = {"abstract": True}

    @property
    def strong_hash(self) -> str:
        """The strong hash that this service stored beside the Flask service's.

        It is empty if there is none, or if the Flask service has changed the password since.
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
    """Return the proof that this service has stored a strong hash beside a raw one.

    Without it, a registration at the Flask service could store a hash in our field that takes
    gigabytes and minutes to check.
    """
    return salted_hmac("accounts.strong_password", raw + strong, algorithm="sha256").hexdigest()

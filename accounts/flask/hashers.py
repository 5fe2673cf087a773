"""Password hashes of the Flask service."""

from __future__ import annotations

import hashlib
import re

from django.contrib.auth.hashers import BasePasswordHasher, make_password
from django.utils.crypto import constant_time_compare

from accounts.hashers import Argon2idHasher

FLASK_HASH = re.compile(r"[0-9a-f]{64}")


class FlaskSHA256Hasher(BasePasswordHasher):
    """The Flask service's hash: SHA-256 in hex, with no salt.

    It is stored bare; ``identified`` puts the prefix before it by which Django finds this class.
    """

    algorithm = "flask_sha256"
    is_weak = True
    prefix = f"{algorithm}$"

    @classmethod
    def identified(cls, stored: str) -> str:
        """Return a stored hash in Django's notation."""
        return f"{cls.prefix}${stored}" if FLASK_HASH.fullmatch(stored) else stored

    def encode(self, password: str, salt: str) -> str:
        return self.identified(self.digest(password))

    @staticmethod
    def digest(password: str) -> str:
        """Return the hash as the Flask service stores it."""
        return hashlib.sha256(password.encode()).hexdigest()

    def decode(self, encoded: str) -> dict[str, str]:
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        if constant_time_compare(encoded, self.encode(password, "")):
            return True
        # A hash that is quick to check must not show by its time that the name exists.
        make_password(password)
        return False

    def safe_summary(self, encoded: str) -> dict[str, str]:
        return {"algorithm": self.algorithm, "hash": self.decode(encoded)["hash"][:6] + "…"}

    def must_update(self, encoded: str) -> bool:
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: ``verify`` takes as long as the preferred hasher."""


class WrappedFlaskHasher(Argon2idHasher):
    """Argon2id over the Flask service's hash, which the adoption makes without the password."""

    algorithm = "argon2_flask_sha256"

    def wrap(self, digest: str) -> str:
        """Return the hash to store in place of the Flask service's."""
        return super().encode(digest, self.salt())

    def encode(self, password: str, salt: str) -> str:
        return super().encode(FlaskSHA256Hasher.digest(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        return super().verify(FlaskSHA256Hasher.digest(password), encoded)

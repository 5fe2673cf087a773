"""Password hashes."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at OWASP's first choice: 19 MiB, two passes, one lane.

    OWASP Password Storage Cheat Sheet; RFC 9106. Django's own default takes 100 MiB a hash.
    """

    memory_cost = 19456  # KiB
    time_cost = 2
    parallelism = 1

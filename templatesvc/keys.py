"""Secret keys: a random one for trying the service, and keys that are derived from one."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def stored_key(path: Path) -> str:
    """Return the key in a file that only its owner can read; the first call makes it at random.

    Raises ImproperlyConfigured if it can't be stored.
    """
    try:
        return _stored_key(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"No SECRET_KEY is set, and none can be kept in {path}: {error.strerror}. "
            "Set SECRET_KEY, or mend that."
        ) from error


def _stored_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        # Linking fails if the name is taken, so that several first starts end up with one key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


def derived_key(secret: str, purpose: str) -> str:
    """Return a key of 256 bits, in hex, for one purpose (HKDF-Expand's first block, RFC 5869)."""
    return hmac.new(secret.encode(), purpose.encode() + b"\x01", hashlib.sha256).hexdigest()

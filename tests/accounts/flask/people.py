"""People as the Flask service stores them."""

from __future__ import annotations

import hashlib
from typing import Any

from accounts.documents import User


def sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def flask_row(name: Any, password: str = "x") -> dict[str, Any]:
    """Return what the Flask service stores of somebody who registers."""
    return {"username": name, "password": sha256(password)}


def register_at_flask(name: Any, password: str, **fields: Any) -> None:
    """Store somebody as the Flask service does, with any fields that they sent along."""
    User._get_collection().insert_one(flask_row(name, password) | fields)

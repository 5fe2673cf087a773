"""New accounts: by the route, by an operator, by a command."""

from __future__ import annotations

from typing import Any

from mongoengine.errors import NotUniqueError

from accounts.documents import User
from accounts.erasure import free_name
from accounts.exceptions import UsernameTaken


def register(username: str, password: str, **fields: Any) -> User:
    """Store a new user; raises UsernameTaken (409)."""
    try:
        return User.register(username, password, **fields)
    except NotUniqueError as error:
        if not free_name(username):
            raise UsernameTaken() from error
    return register(username, password, **fields)

"""The authentication backend: users from MongoDB instead of Django's ORM."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.documents import User


class MongoBackend(BaseBackend):
    """Finds users by name and checks their passwords."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the active user of this name and password, or None, after about the same work."""
        if username is None or password is None:
            return None
        user = User.named(username)
        if user is None:
            make_password(password)  # the time that a wrong password takes
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: str) -> User | None:
        """Return the active user of a browser session; ``user_id`` is the username."""
        user = User.named(user_id)
        return user if user and user.is_active else None

"""The authentication backend: users from MongoDB instead of Django's ORM."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password

from accounts import audit
from accounts.audit import Action
from accounts.clients import Client
from accounts.documents import User
from accounts.limits import LoginLimits
from accounts.names import known_as, password_forms


class MongoBackend(BaseBackend):
    """Finds users by name and checks their passwords, within the limits on log-ins."""

    def authenticate(
        self,
        request: Any,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        """Return the active user of this name and password, or None.

        Raises TooManyAttempts. A name that nobody has is counted and takes as long as any other, so
        that nobody can tell them apart.
        """
        if username is None or password is None:
            return None
        user, client = User.called(username), Client.of(request)
        # Counted under one form, however it was typed; so that a name that nobody has is as well.
        name = user.username if user else known_as(username) or username
        limits = LoginLimits.of(name, client.ip)
        if not confirm_password(user, password, client, limits) or user is None:
            return None
        user.logged_in()
        audit.record(Action.LOGGED_IN, name, client)
        return user

    def get_user(self, user_id: str) -> User | None:
        """Return the active user of a browser session; ``user_id`` is the username."""
        user = User.named(user_id)
        return user if user and user.is_active else None


def confirm_password(user: User | None, password: str, client: Client, limits: LoginLimits) -> bool:
    """Tell whether this is the password of an active user, within the limits.

    Raises TooManyAttempts once they are reached, even if the password is right. The caller counts
    the log-in.
    """
    if user:
        user.check_logins()
    limits.check()
    if user is None:
        for form in password_forms(password):
            make_password(form)  # takes as long as checking a wrong password
    elif user.check_password(password) and user.is_active:
        limits.succeeded()
        return True
    limits.failed()
    # A name that nobody has is not kept: it may be a password, typed into the wrong field.
    known = user.username if user else ""
    audit.record(Action.LOGIN_FAILED, known, client, by="")
    if limits.locked:
        audit.record(Action.LOCKED_OUT, known, client, by="")
    return False

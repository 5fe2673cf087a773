"""New accounts: by the route, on the page, by an operator, by a command."""

from __future__ import annotations

from typing import Any

from mongoengine.errors import NotUniqueError

from accounts import audit
from accounts.audit import Action
from accounts.clients import Client
from accounts.documents import User
from accounts.erasure import free_name
from accounts.exceptions import UsernameTaken
from accounts.limits import registration_limit
from accounts.serializers import RegistrationSerializer


def sign_up(given: Any, client: Client) -> User:
    """Register a user with the username and password that they sent.

    Raises ValidationError (400), TooManyAttempts (429) and UsernameTaken (409).
    """
    serializer = RegistrationSerializer(data=given)
    serializer.is_valid(raise_exception=True)
    # Counted before the password is hashed, because the hash is what costs.
    registration_limit(client.ip).count()
    user = register(**serializer.validated_data)
    audit.record(Action.REGISTERED, user.username, client)
    return user


def register(username: str, password: str, **fields: Any) -> User:
    """Store a new user; raises UsernameTaken (409)."""
    try:
        return User.register(username, password, **fields)
    except NotUniqueError as error:
        if not free_name(username):
            raise UsernameTaken() from error
    return register(username, password, **fields)

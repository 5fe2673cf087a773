"""The change of one's own password, by the API and on the operators' page."""

from __future__ import annotations

from rest_framework.exceptions import ValidationError

from accounts import audit
from accounts.audit import Action
from accounts.backends import confirm_password
from accounts.clients import Client
from accounts.documents import User
from accounts.limits import LoginLimits
from templatesvc.api.exceptions import Conflict


def confirm_own_password(user: User, client: Client, current_password: str) -> None:
    """Raise ValidationError (400) if this is not the user's password, and TooManyAttempts (429)."""
    limits = LoginLimits.of_own(user.username, client.ip)
    if not confirm_password(user, current_password, client, limits):
        raise ValidationError({"current_password": "This is not your current password."})


def change_own_password(
    user: User, client: Client, current_password: str, new_password: str
) -> None:
    """Change the password of a user who knows the current one, and end all their sessions.

    Raises ValidationError (400) at the field, TooManyAttempts (429), and Conflict (409) if another
    change came first.
    """
    confirm_own_password(user, client, current_password)
    user.count_login()
    if user.must_change_password and user.check_password(new_password):
        raise ValidationError({"new_password": "Choose another than the current one."})
    if not user.change_password(new_password):
        raise Conflict("Your password was changed meanwhile. Log in again.")
    audit.record(Action.PASSWORD_CHANGED, user.username, client)

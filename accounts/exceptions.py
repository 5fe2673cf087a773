"""The errors that only accounts have."""

from __future__ import annotations

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework_simplejwt.exceptions import AuthenticationFailed as TokenRefused

from templatesvc.api.exceptions import Conflict


class SessionEnded(TokenRefused):
    """401: the token is well signed, and what it stands on is gone."""

    default_detail = "This session has ended. Log in again."
    default_code = "session_ended"


class PasswordChangeRequired(PermissionDenied):
    """403: the user has a temporary password, and wants something other than to change it."""

    default_detail = (
        "You have to change your password before anything else: POST /api/v1/users/me/password."
    )
    default_code = "password_change_required"
    is_noticed = True


class UsernameTaken(Conflict):
    """409: a user of this name exists."""

    default_detail = "Username already exists"
    default_code = "username_taken"


class LastSuperuser(Conflict):
    """409: the change would leave the service without a superuser."""

    default_detail = "This is the last superuser. Make somebody else one first."
    default_code = "last_superuser"


class OperatorProtected(PermissionDenied):
    """403: the user to be changed is an operator, and whoever changes them is no superuser."""

    default_detail = "Only a superuser may do this to an operator."
    default_code = "operator_protected"


class UserInactive(Conflict):
    """409: a deactivated user is to be made an operator."""

    default_detail = "This account is deactivated. Reactivate it first."
    default_code = "user_inactive"


class ErasureUnfinished(Conflict):
    """409: an operator's erasure was begun, and more is left to delete than one request does."""

    default_detail = (
        "They are locked out, and part of what was theirs is deleted. Erase again to go on."
    )
    default_code = "erasure_unfinished"


class WrongCredentials(AuthenticationFailed):
    """401: no active user has this name and password."""

    default_detail = "The username or password is incorrect"

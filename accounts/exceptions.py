"""The errors that only accounts have."""

from __future__ import annotations

from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from templatesvc.exceptions import Conflict


class PasswordChangeRequired(PermissionDenied):
    default_detail = (
        "You have to change your password before anything else: POST /api/v1/users/me/password."
    )
    default_code = "password_change_required"


class UsernameTaken(Conflict):
    default_detail = "Username already exists"
    default_code = "username_taken"


class LastSuperuser(Conflict):
    default_detail = "This is the last superuser. Make somebody else one first."
    default_code = "last_superuser"


class OperatorProtected(PermissionDenied):
    default_detail = "Only a superuser may do this to an operator."
    default_code = "operator_protected"


class UserInactive(Conflict):
    default_detail = "This account is deactivated. Reactivate it first."
    default_code = "user_inactive"


class WrongCredentials(AuthenticationFailed):
    default_detail = "The username or password is incorrect"

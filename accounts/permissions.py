"""Who may use a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import permissions
from rest_framework.exceptions import PermissionDenied

from accounts.exceptions import PasswordChangeRequired

if TYPE_CHECKING:  # rest_framework.views imports this module, as the settings name it
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsAuthenticated(permissions.IsAuthenticated):
    """DRF's, but not for users who must change their password first.

    Views that change the password or log out use DRF's own.
    """

    raises = (PasswordChangeRequired,)

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether somebody is logged in; raises PasswordChangeRequired (403)."""
        if not super().has_permission(request, view):
            return False
        if request.user.must_change_password:
            raise PasswordChangeRequired()
        return True


class IsOperator(IsAuthenticated):
    """For operators who have the permission that the view's ``permissions`` name for the method."""

    raises = (*IsAuthenticated.raises, PermissionDenied)

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether they have it; raises PasswordChangeRequired (403)."""
        needed = view.permissions.get(request.method, "accounts.view_user")
        return super().has_permission(request, view) and request.user.has_perm(needed)

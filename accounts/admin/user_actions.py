"""The actions of operators on users, from their pages or on those ticked in the list."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts import operations
from accounts.documents import User
from accounts.exceptions import ErasureUnfinished
from accounts.forms import QuotaForm, RoleForm, SetPasswordForm
from accounts.operations import Actor
from templatesvc.admin import DocumentAdmin, action
from templatesvc.admin.forms import NameForm
from templatesvc.api.exceptions import Conflict
from templatesvc.api.streams import streamed
from templatesvc.mongo.quota import Limits, Usage, default_limits


def is_standing(user: User) -> bool:
    """Tell whether the user is not being erased."""
    return user.erased_at is None


def own_limits(user: User) -> Limits:
    """Return a user's own limits, which an operator has set; None is that of the settings."""
    usage = Usage.peek(user.username)
    return Limits(usage.max_documents, usage.max_bytes)


def defaults() -> str:
    """Return the limits of the settings, in words."""
    return "; ".join(
        f"{unit}: {'no limit' if most is None else f'at most {most:,}'}"
        for unit, most in default_limits()._asdict().items()
    )


def in_figures(limit: int | None) -> str:
    return "the default" if limit is None else f"{limit:,}"


class UserActions(DocumentAdmin):
    """The actions of the pages for users."""

    @action(
        description="Deactivate",
        consequence="The user is logged out everywhere at once and can no longer log in. "
        "An operator also loses the role.",
        done="“{name}” was deactivated.",
        done_many="{count} {names} were deactivated.",
        applies=lambda user: user.is_active,
    )
    def deactivate(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.deactivate(Actor.of(request), user)

    @action(
        description="Reactivate",
        consequence="The user can log in again with the same password.",
        done="“{name}” was reactivated.",
        done_many="{count} {names} were reactivated.",
        applies=lambda user: not user.is_active and is_standing(user),
    )
    def reactivate(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.reactivate(Actor.of(request), user)

    @action(
        description="Unlock",
        consequence="Failed log-ins are forgotten. The user can log in again at once.",
        done="“{name}” was unlocked.",
        applies=lambda user: user.lock is not None,
    )
    def unlock(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.unlock(Actor.of(request), user)

    @action(
        description="End all sessions",
        consequence="The user is logged out everywhere and can log in again.",
        applies=is_standing,
        done="All sessions of “{name}” were ended.",
        done_many="All sessions of {count} {names} were ended.",
    )
    def end_sessions(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.end_sessions(Actor.of(request), user)

    @action(
        description="Set password",
        consequence="The user is logged out everywhere and must use the new password. "
        "If the account was locked, it is unlocked.",
        done="“{name}” has a new password.",
        applies=is_standing,
        form_class=SetPasswordForm,
    )
    def set_password(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.set_password(Actor.of(request), user, **values)

    @action(
        description="Force password change",
        consequence="The user is logged out everywhere and must change the password at the next "
        "log-in before doing anything else.",
        done="“{name}” must change the password at the next log-in.",
        done_many="{count} {names} must change their passwords at the next log-in.",
        applies=is_standing,
    )
    def force_password_change(
        self, request: HttpRequest, user: User, values: dict[str, Any]
    ) -> None:
        operations.force_password_change(Actor.of(request), user)

    @action(
        description="Change role",
        consequence="The new role applies from the next request.",
        done="",
        initial=lambda user: {"role": user.role or ""},
        permission="accounts.change_operator",
        form_class=RoleForm,
        applies=lambda user: user.is_active,
    )
    def appoint(self, request: HttpRequest, user: User, values: dict[str, Any]) -> str:
        before, after = user.role, values["role"]
        if before == after:
            raise Conflict("This is their role already.")
        operations.appoint(Actor.of(request), user, after)
        return f"Role of “{self.name_of(user)}” changed: {before or 'none'} → {after or 'none'}."

    @action(
        description="Change quota",
        consequence="Limits on documents and bytes, history included. Leave a field empty for the "
        "default.",
        done="",
        initial=lambda user: own_limits(user)._asdict(),
        preview=lambda self, user: (
            f"Now: {self.quota(user)}.",
            f"The default: {defaults()}.",
        ),
        form_class=QuotaForm,
        applies=lambda user: is_standing(user) and user.username is not None,
    )
    def limit(self, request: HttpRequest, user: User, values: dict[str, Any]) -> str:
        before, after = own_limits(user), Limits(**values)
        if before == after:
            raise Conflict("These are their limits already.")
        operations.limit(Actor.of(request), user, values)
        changed = ", ".join(
            f"{unit}: {in_figures(was)} → {in_figures(is_)}"
            for unit, was, is_ in zip(Limits._fields, before, after, strict=True)
            if was != is_
        )
        return f"Quota of “{self.name_of(user)}” changed: {changed}."

    @action(
        description="Export",
        consequence="Downloads everything stored about the user as one JSON file.",
        done="",
        permission="view",
    )
    def export(
        self, request: HttpRequest, user: User, values: dict[str, Any]
    ) -> HttpResponseBase | None:
        lines = operations.export(Actor.of(request), user)
        return streamed(lines, "application/json", f"{user.username or 'person'}.json")

    @action(
        description="Erase",
        consequence="The account and everything in it will be deleted. This cannot be undone. "
        "Audit entries are kept. What will be deleted:",
        done="“{name}” was erased.",
        permission="delete",
        form_class=NameForm,
        removes=True,
        is_final=True,
        preview=lambda self, user: self.belongings(user),
    )
    def erase(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        if not operations.erase(Actor.of(request), user):
            raise ErasureUnfinished()

    actions = (
        deactivate,
        reactivate,
        unlock,
        end_sessions,
        set_password,
        force_password_change,
        appoint,
        limit,
        export,
        erase,
    )

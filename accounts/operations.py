"""What operators do to users, for the operators' pages, the API and the commands.

Each function checks that the operator may do it, does it, and leaves an entry in the audit. It
raises PermissionDenied (403), NotFound if the user was erased meanwhile, and the errors of
``accounts.exceptions``.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from rest_framework.exceptions import NotFound, PermissionDenied

from accounts import audit, erasure
from accounts.audit import Action, AuditAction, AuditEntry
from accounts.clients import Client
from accounts.documents import Session, User
from accounts.exceptions import OperatorProtected
from accounts.operators import Role
from accounts.registration import register
from accounts.serializers import PasswordSerializer, RegistrationSerializer
from accounts.transfer import entry_line, exported
from templatesvc.mongo.quota import Usage


@dataclass(frozen=True)
class Actor:
    """An operator who sends a request, or somebody at the shell, who may do everything."""

    name: str
    client: Client
    user: User | None = None

    @classmethod
    def of(cls, request: Any) -> Self:
        """Return the sender of a Django or DRF request."""
        return cls(request.user.username, Client.of(request), request.user)

    @classmethod
    def at_shell(cls, command: str) -> Self:
        """Return the user of the machine, who runs a command."""
        return cls(f"{getpass.getuser()} (shell)", Client(user_agent=f"manage.py {command}"))

    def check(self, permission: str) -> None:
        """Raise PermissionDenied without this permission, such as ``accounts.change_user``."""
        if self.user and not self.user.has_perm(permission):
            raise PermissionDenied()

    def check_may_change(self, user: User, permission: str = "accounts.change_user") -> None:
        """Raise PermissionDenied, or OperatorProtected if the user is an operator.

        Only superusers may change operators: otherwise staff could set a superuser's password.
        """
        self.check(permission)
        if self.user and not self.user.is_superuser and user.stored_role:
            raise OperatorProtected()

    def record(self, action: AuditAction, user: User, **entry: Any) -> None:
        """Leave an entry in the audit."""
        audit.record(action, user.username, self.client, by=self.name, **entry)


def create_user(by: Actor, username: str, password: str, must_change: bool = True) -> User:
    """Store a new user; raises ValidationError (400) and UsernameTaken."""
    by.check("accounts.add_user")
    serializer = RegistrationSerializer(data={"username": username, "password": password})
    serializer.is_valid(raise_exception=True)
    user = register(**serializer.validated_data, must_change_password=must_change)
    by.record(Action.USER_CREATED, user)
    return user


def deactivate(by: Actor, user: User) -> bool:
    """Lock a user out at once, and take away their role; raises LastSuperuser.

    Tell whether it changed anything; if not, there is no audit entry.
    """
    by.check_may_change(user)
    if changes := user.deactivate():
        by.record(Action.USER_DEACTIVATED, user, changes=changes)
    else:
        _found(user.is_stored())
    return bool(changes)


def reactivate(by: Actor, user: User) -> bool:
    """Let a user who was deactivated log in again, without a role.

    Tell whether it changed anything; if not, there is no audit entry.
    """
    by.check_may_change(user)
    if changes := user.reactivate():
        by.record(Action.USER_REACTIVATED, user, changes=changes)
    else:
        _found(user.is_stored())
    return bool(changes)


def end_sessions(by: Actor, user: User) -> None:
    """End all sessions of a user."""
    by.check_may_change(user)
    _found(user.end_sessions())
    by.record(Action.SESSIONS_ENDED, user)


def end_session(by: Actor, user: User, session_id: str) -> None:
    """End one session of a user; raises NotFound."""
    by.check_may_change(user)
    _found(bool(Session.of(user).filter(id=session_id).delete()))
    by.record(Action.SESSION_ENDED, user, session=session_id)


def set_password(by: Actor, user: User, password: str, must_change: bool = True) -> None:
    """Give a user a password, and end their sessions; raises ValidationError (400).

    With ``must_change`` the password is good only for setting another.
    """
    by.check_may_change(user)
    serializer = PasswordSerializer(data={"password": password}, context={"user": user})
    serializer.is_valid(raise_exception=True)
    _found(user.set_password(password, must_change))
    user.unlock()  # otherwise the new password would be refused as well
    by.record(Action.PASSWORD_SET, user, must_change=must_change)


def unlock(by: Actor, user: User) -> bool:
    """Let a user log in again after too many attempts.

    Tell whether they were locked; if not, there is no audit entry.
    """
    by.check_may_change(user)
    if is_changed := user.lock is not None and user.unlock():
        by.record(Action.USER_UNLOCKED, user)
    return is_changed


def force_password_change(by: Actor, user: User) -> None:
    """End a user's sessions, and have them change their password at the next log-in."""
    by.check_may_change(user)
    _found(user.force_password_change())
    by.record(Action.PASSWORD_CHANGE_FORCED, user)


def appoint(by: Actor, user: User, role: Role | None) -> None:
    """Give a user a role as an operator, or take it away with None.

    Only superusers may do this, to themselves as well. Raises LastSuperuser, and UserInactive if
    the user can't log in.
    """
    by.check("accounts.change_operator")
    user.check_named()
    before = user.appoint(role, by.user)
    if before != role:
        changes = {"role": [before and before.value, role and role.value]}
        by.record(Action.ROLE_CHANGED, user, changes=changes)


def limit(by: Actor, user: User, own: dict[str, int | None]) -> Usage:
    """Set how much a user may keep, by the names of ``Limits``; None stands for the settings.

    What is not named stays. Return the usage.
    """
    by.check_may_change(user)
    user.check_named()
    before = Usage.of(user.username)
    usage = Usage.set_limits(user.username, own)
    was, is_ = (each.limits._asdict() for each in (before, usage))
    if changes := {f"max_{name}": [was[name], is_[name]] for name in was if was[name] != is_[name]}:
        by.record(Action.QUOTA_CHANGED, user, changes=changes)
    return usage


def export(by: Actor, user: User) -> Iterator[bytes]:
    """Return everything that is stored about a user, as pieces of one JSON object."""
    by.check("accounts.view_user")
    by.record(Action.USER_EXPORTED, user)
    return exported(user)


def erase(by: Actor, user: User) -> bool:
    """Delete a user and everything of theirs, irreversibly; raises LastSuperuser.

    Tell whether nothing is left to delete: if not, call it again to go on. Audit entries stay until
    they expire.
    """
    by.check_may_change(user, "accounts.delete_user")
    if entry := erasure.begin(user):
        by.record(Action.USER_ERASED, user, id=entry)
    else:
        _found(user.erased_at is not None)
    return erasure.go_on(user)


def export_audit(by: Actor, entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """Return entries of the audit as lines of JSON (NDJSON)."""
    by.check("accounts.view_audit_entry")
    audit_read(by)
    return (entry_line(entry) + b"\n" for entry in entries)


def audit_read(by: Actor, **details: Any) -> None:
    """Note in the audit that somebody exported it."""
    audit.record(Action.AUDIT_EXPORTED, by.name, by.client, **details)


def _found(done: bool) -> None:
    if not done:
        raise NotFound("There is no such user, or no such session, any more.")

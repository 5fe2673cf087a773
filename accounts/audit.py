"""Who did what, and when. Entries are only added, never changed, and expire."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from bson import ObjectId
from django.conf import settings
from mongoengine import DateTimeField, DictField, ObjectIdField, StringField
from mongoengine.errors import NotUniqueError

from accounts.clients import Client
from templatesvc.api.notation import extended_json
from templatesvc.mongo.choices import Choices
from templatesvc.mongo.clock import now
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.errors import STORE_ERRORS
from templatesvc.mongo.ids import new_id
from templatesvc.mongo.names import Names
from templatesvc.ops.request_ids import request_id

logger = logging.getLogger(__name__)


class AuditAction(Choices):
    """What can happen; the label is the sentence that operators read.

    An app declares its own actions in a subclass, and need not register it.
    """


class Action(AuditAction):
    """What can happen to accounts."""

    REGISTERED = "registered", "Registered."
    LOGGED_IN = "logged_in", "Logged in."
    LOGIN_FAILED = "login_failed", "Log-in failed."
    LOCKED_OUT = "locked_out", "Locked after too many failed log-ins."
    LOGGED_OUT = "logged_out", "Logged out."
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere", "Ended all their sessions."
    SESSION_ENDED = "session_ended", "Session ended."
    SESSION_SUPERSEDED = "session_superseded", "Had too many sessions, so the oldest was ended."
    TOKEN_REUSED = "token_reused", "A refresh token was used twice, so its session was ended."
    PASSWORD_CHANGED = "password_changed", "Changed their password."
    USER_DELETED = "user_deleted", "Deleted their account."

    USER_CREATED = "user_created", "An operator created the account."
    USER_DEACTIVATED = "user_deactivated", "An operator deactivated the account."
    USER_REACTIVATED = "user_reactivated", "An operator reactivated the account."
    USER_UNLOCKED = "user_unlocked", "An operator unlocked the account."
    USER_ERASED = "user_erased", "An operator erased the account and everything in it."
    USER_EXPORTED = "user_exported", "An operator exported everything stored about them."
    SESSIONS_ENDED = "sessions_ended", "An operator ended all their sessions."
    PASSWORD_SET = "password_set", "An operator set their password."
    PASSWORD_CHANGE_FORCED = "password_change_forced", "Must change their password at next log-in."
    ROLE_CHANGED = "role_changed", "Role changed."
    QUOTA_CHANGED = "quota_changed", "Quota changed."
    AUDIT_EXPORTED = "audit_exported", "Exported the audit."


@cache
def actions_of(names: Names) -> Any:
    """Return the actions of operators on documents: CHANGED, DELETED and RESTORED.

    Documents without owners have CREATED and FORGOTTEN as well.
    """
    made, whose = ((), " of the account") if names.is_owned else (("created",), "")
    members = {
        verb.upper(): (f"{names.slug}_{verb}", names.fill(f"An operator {verb} {{a}}{whose}."))
        for verb in (*made, "changed", "deleted", "restored")
    }
    if not names.is_owned:
        text = names.fill("An operator deleted the deleted {names} for good.")
        members["FORGOTTEN"] = (f"{names.slug}_forgotten", text)
    make: Any = AuditAction
    return make(f"{names.slug}_actions", members)


def sentences() -> dict[str, str]:
    """Return the sentences of the actions of all apps, by the actions' stored values."""
    known = AuditAction.__subclasses__()
    return {action.value: action.label for actions in known for action in actions}


class AuditEntry(ServiceDocument):
    """One thing that happened. It never contains passwords or tokens."""

    id = ObjectIdField(primary_key=True, default=lambda: new_id(now()))  # in the order of time
    at = DateTimeField(required=True, default=now)
    action = StringField(required=True)  # a value of an AuditAction
    username = StringField(default="")  # the user concerned; empty for a name that nobody has
    by = StringField(default="")  # who did it; empty if that is not known
    document = StringField(default="")  # its kind in the plural, a slash, its id
    changes = DictField()  # {field: [before, after]}
    details = DictField()
    ip = StringField(default="")
    user_agent = StringField(default="")
    request_id = StringField(default="")  # empty for a command
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "audit",
        "verbose_name_plural": "audit entries",
        "shards_by": ("_id", "hashed"),
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["username", "-id"]},
            {"fields": ["by", "-id"]},
            {"fields": ["action", "-id"]},
            {"fields": ["document", "-id"]},
        ],
    }

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        # Another version of the service may have stored actions that this one does not know.
        return sentences().get(self.action, self.action)

    @property
    def particulars(self) -> list[str]:
        """What changed and what else is known, in words."""
        pairs = ((name, *map(in_words, both)) for name, both in self.changes.items())
        changes = [f"{name}: {was} → {is_}" for name, was, is_ in pairs]
        return changes + [f"{name}: {value}" for name, value in self.details.items()]


def in_words(value: Any) -> str:
    """Return a value of a change as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def record(
    action: AuditAction,
    username: str,
    client: Client,
    *,
    by: str | None = None,
    document: str = "",
    changes: dict[str, list[Any]] | None = None,
    id: ObjectId | None = None,
    **details: Any,
) -> ObjectId:
    """Add an entry about a user, and return its id.

    ``by`` is who did it, by default the user themselves; empty if that is not known. With an ``id``
    it is added once, however often that is repeated. If the store fails, the log has the entry.
    """
    moment = now()
    entry = AuditEntry(
        id=id or new_id(moment),
        at=moment,
        action=action.value,
        username=username,
        by=username if by is None else by,
        document=document,
        changes=changes or {},
        details=details,
        request_id=request_id(),
        expires_at=moment + settings.AUDIT_RETENTION,
        **client._asdict(),
    )
    try:
        entry.insert()
    except NotUniqueError:
        if id is None:
            raise
    except STORE_ERRORS:
        logger.error("The audit lacks an entry: %s", extended_json(entry.exported()))
        raise
    return entry.id

"""Who did what, and when: entries are added, never changed, and go when their time is over."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from mongoengine import DateTimeField, DictField, StringField

from accounts.clients import Client
from templatesvc.documents import ServiceDocument, now


class AuditEntry(ServiceDocument):
    """One thing that happened to an account. No password and no token is ever in it."""

    at = DateTimeField(required=True, default=now)
    action = StringField(required=True)
    username = StringField(default="")  # empty for a name that nobody has
    ip = StringField(default="")
    user_agent = StringField(default="")
    details = DictField()
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "audit",
        "indexes": [
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
            {"fields": ["username", "-id"]},
        ],
    }


def record(action: str, username: str, client: Client, **details: Any) -> None:
    """Add an entry: what happened, to whom, and from where it came."""
    AuditEntry(
        action=action,
        username=username,
        details=details,
        expires_at=now() + settings.AUDIT_RETENTION,
        **client._asdict(),
    ).save(force_insert=True)

"""The export of a person: everything that is stored about them, as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from templatesvc.api.notation import export_line, extended_json
from templatesvc.api.streams import as_list
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.walks import walk_by_id

# Hashes, which could be attacked, and fields that mean something only to the service.
SECRET = {"password", "strong_password", "strong_password_seal", "token_version"}
SESSION_FIELDS = ("created_at", "last_used_at", "expires_at", "ip", "user_agent")
AUDIT_FIELDS = (
    *("at", "action", "username", "by", "document", "changes", "details"),
    *("ip", "user_agent", "request_id"),
)


def exported(user: User) -> Iterator[bytes]:
    """Yield the pieces of the object, in constant memory.

    It has the stored user without hashes, and a list for each kind of what belongs to them.
    """
    stored = User._get_collection().find_one(user.identity_query) or {}
    yield b'{"user": ' + export_line({k: v for k, v in stored.items() if k not in SECRET})
    yield b',\n"role": ' + extended_json(user.role and user.role.value).encode()
    parts = {"sessions": sessions(user), "audit": audit_entries(user)}
    for document, query in ServiceDocument.belongings(user):
        found = walk_by_id(document.objects(__raw__=query))
        # By map and not by a loop, whose variable would hold a document for a slow reader.
        parts[document._get_collection_name()] = map(exported_line, found)
    for name, lines in parts.items():
        yield f',\n"{name}": '.encode()
        yield from as_list(lines, b"\n")
    yield b"}\n"


def exported_line(document: ServiceDocument) -> bytes:
    """Return the export of a document that belongs to the person."""
    return export_line(document.exported())


def sessions(user: User) -> Iterator[bytes]:
    """Yield the user's sessions."""
    for session in walk_by_id(Session.objects(user_id=user.id, username=user.username)):
        yield export_line({name: getattr(session, name) for name in SESSION_FIELDS})


def audit_entries(user: User) -> Iterator[bytes]:
    """Yield the audit entries about the user, since they registered the name."""
    entries = AuditEntry.objects(username=user.username)
    for entry in walk_by_id(entries.filter(at__gte=user.joined) if user.joined else entries):
        yield entry_line(entry)


def entry_line(entry: AuditEntry) -> bytes:
    """Return an audit entry as a line of JSON."""
    fields = {name: getattr(entry, name) for name in AUDIT_FIELDS}
    return export_line({"id": str(entry.id), **fields})

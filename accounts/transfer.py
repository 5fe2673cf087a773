"""Taking a person along: all that is stored about them, as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from templatesvc.api.notation import export_line, extended_json
from templatesvc.api.streams import as_list
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.mongo.walks import walk_by_id

# What could be tried against the hash, and what only the service can read.
SECRET = {"password", "strong_password", "strong_password_seal", "token_version"}
SESSION_FIELDS = ("created_at", "last_used_at", "expires_at", "ip", "user_agent")
AUDIT_FIELDS = (
    *("at", "action", "username", "by", "document", "changes", "details"),
    *("ip", "user_agent", "request_id"),
)


def exported(user: User) -> Iterator[bytes]:
    """Yield the pieces of the object: the user as stored but for hashes, and a list of each of
    what belongs to them. In constant memory, however much there is.
    """
    stored = User._get_collection().find_one(user.identity_query) or {}
    yield b'{"user": ' + export_line({k: v for k, v in stored.items() if k not in SECRET})
    yield b',\n"role": ' + extended_json(user.role and user.role.value).encode()
    parts = {"sessions": sessions(user), "audit": audit_entries(user)}
    for document, query in ServiceDocument.belongings(user):
        found = walk_by_id(document.objects(__raw__=query))
        # By map, which holds no document while the reader takes their time.
        parts[document._get_collection_name()] = map(exported_line, found)
    for name, lines in parts.items():
        yield f',\n"{name}": '.encode()
        yield from as_list(lines, b"\n")
    yield b"}\n"


def exported_line(document: ServiceDocument) -> bytes:
    """Return what the export has of a document that belongs to the person."""
    return export_line(document.exported())


def sessions(user: User) -> Iterator[bytes]:
    """Yield where the user is logged in."""
    for session in walk_by_id(Session.objects(user_id=user.id, username=user.username)):
        yield export_line({name: getattr(session, name) for name in SESSION_FIELDS})


def audit_entries(user: User) -> Iterator[bytes]:
    """Yield what happened to the user, since the name is theirs."""
    entries = AuditEntry.objects(username=user.username)
    for entry in walk_by_id(entries.filter(at__gte=user.joined) if user.joined else entries):
        yield entry_line(entry)


def entry_line(entry: AuditEntry) -> bytes:
    """Return an entry of the audit as JSON, without a line break in it."""
    fields = {name: getattr(entry, name) for name in AUDIT_FIELDS}
    return export_line({"id": str(entry.id), **fields})

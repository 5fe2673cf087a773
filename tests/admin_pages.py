"""The operators' pages, for whatever examines each of them."""

from __future__ import annotations

from accounts.audit import AuditEntry
from accounts.clients import Client
from accounts.documents import Session, User
from accounts.operations import Actor
from accounts.resources import Operations
from templates_app.documents import Template
from tests.accounts.operators import operator, page_of
from tests.browser.people import admin


def made() -> dict[str, list[str]]:
    """Make somebody and something with a long name; return the pages, by what they are about."""
    root = operator("root")
    user = User.register("Wolfeschlegelsteinhausenbergerdorff" * 4, "wonderland-1")
    session = Session.start(user)
    template = Template.create(user.username, {"template": "x" * 1000})
    found = Template.objects.of(user.username).filter(id=template.id)
    found.replace({"template": {"kind": "book", "words": ["y" * 200]}})
    gone = Template.create(user.username, {"template": "z" * 1000})
    Operations(Template).delete(Actor("root", Client("192.0.2.7"), root), gone, "w" * 200)
    entry = AuditEntry.objects(action="template_deleted").first()
    deleted = Template.Version.objects(deleted_at__ne=None).first()
    acts = ("deactivate", "set_password", "appoint", "limit", "erase")
    return {
        "site": ["/admin/", "/admin/health", "/admin/password_change", "/admin/no/such/page"],
        "users": [
            *(admin("user"), admin("user") + "/add"),
            *(page_of(user, page) for page in ("change", "history", *acts)),
        ],
        "sessions": [admin("session"), page_of(session), page_of(session, "end")],
        "templates": [
            admin("template"),
            *(page_of(template, page) for page in ("change", "history", "delete")),
            page_of(template, "version", 1),
            *(admin("deletedtemplate"), page_of(deleted), page_of(deleted, "restore")),
        ],
        "audit": [admin("auditentry"), page_of(entry)],
    }

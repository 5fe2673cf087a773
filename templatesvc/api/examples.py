"""One example for each name that the API uses, so that all examples tell one story.

In the schema every body, answer, parameter and header has an example made of these. A name that
means something else in one place has a second entry there: ``Session.id`` is the ``id`` of the
schema's component ``Session``, ``end_session.id`` the parameter ``id`` of that operation. An entry
named as an operation is its whole body, where that is no JSON object; ``create_book.body`` is the
JSON that the operation ``create_book`` takes, where it is to differ from that of others.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.drainage import warn

API = "https://templates.example.org/api/v1"
TEMPLATE_ID = "697df2c0a1b2c3d4e5f60718"
SESSION_ID = "0f8fad5bd9cb469fa16570867728950e"
BOOK = {"kind": "book", "title": "Nineteen Eighty-Four", "author": "Orwell", "year": 1949}
TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
CURSOR = "WyIxYzQ2YWZjNSIsMTc2OTg2MDgwMDAwMF0:1vmB5I:c2lnbmF0dXJl"
LINE = (
    f'{{"id": "{TEMPLATE_ID}", "template": "Dear {{name}}", "version": 2, '
    '"created_at": "2026-01-31T12:00:00+00:00", "updated_at": "2026-02-01T09:30:00+00:00"}\n'
)
QUOTA = {"documents": 42, "bytes": 51200, "max_documents": 100_000, "max_bytes": 1024**3}
NOT_FOUND = {
    "type": "/problems/not_found",
    "title": "Not Found",
    "status": 404,
    "detail": "Not found.",
    "code": "not_found",
}

EXAMPLES: dict[str, Any] = {
    # Accounts
    "username": "ada",
    "password": "note-g-of-1843",
    "current_password": "note-g-of-1843",
    "new_password": "analytical-engine",
    "date_joined": "2026-01-31T11:58:00Z",
    "last_login": "2026-01-31T12:00:00Z",
    "access_token": TOKEN,
    "refresh_token": TOKEN,
    "token": TOKEN,
    "expires_in": 86400,
    "verify_token": {},
    "is_active": True,
    "must_change_password": False,
    "role": "staff",
    "OtherUser.role": None,
    "quota": QUOTA,
    "documents": 42,
    "bytes": 51200,
    "max_documents": 100_000,
    "max_bytes": 1024**3,
    "list_users.ordering": "username",
    "list_users.search": "ad",
    # Sessions
    "Session.id": SESSION_ID,
    "end_session.id": SESSION_ID,
    "last_used_at": "2026-02-01T09:30:00Z",
    "expires_at": "2026-02-15T09:30:00Z",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "ip": "203.0.113.7",
    "current": True,
    # Templates
    "id": TEMPLATE_ID,
    "template": BOOK,
    "replace_template.body": {"template": BOOK | {"year": 1950}},
    "update_template.body": {"template": BOOK | {"year": 1948}},
    "flask_create.body": {"template": "Dear Sir or Madam"},
    "flask_delete.body": {"template": "Dear {name}"},
    "old_template": "Dear Sir or Madam",
    "new_template": "Dear {name}",
    "PatchedTemplateMergePatchRequest.template": {"year": 1948, "kind": None},
    "profile": "ada",
    "version": 2,
    "number": 1,
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-02-01T09:30:00Z",
    "replaced_at": "2026-02-01T09:30:00Z",
    "deleted_at": "2026-02-01T09:30:00Z",
    "url": f"{API}/templates/{TEMPLATE_ID}",
    "export_templates": LINE,
    "import_templates": LINE,
    "created": 1,
    "replaced": 0,
    "skipped": 0,
    "invalid": 0,
    "line": 1,
    "ImportLine.status": "created",
    "ImportLine.detail": "You have this template already.",
    "mode": "skip",
    # Lists
    "limit": 20,
    "cursor": CURSOR,
    "ordering": "-created_at",
    "list_deleted_templates.ordering": "-deleted_at",
    "list_templates.count": True,
    "list_deleted_templates.count": True,
    "count": 42,
    "search": "orwell",
    "kind": "object",
    "created_after": "2026-01-01T00:00:00Z",
    "created_before": "2026-02-01T00:00:00Z",
    "next": f"{API}/templates?cursor={CURSOR}",
    "previous": None,
    # Headers
    "ETag": '"2-0f1e2d3c4b5a69788796"',
    "If-Match": '"2-0f1e2d3c4b5a69788796"',
    "If-None-Match": '"2-0f1e2d3c4b5a69788796"',
    "Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    "Idempotency-Replayed": "true",
    "Location": f"{API}/templates/{TEMPLATE_ID}",
    "Link": f'<{API}/templates?cursor={CURSOR}>; rel="next"',
    "Content-Disposition": 'attachment; filename="templates.ndjson"',
    "WWW-Authenticate": 'Bearer realm="api"',
    "Retry-After": "2",
    # The service
    "hello": "Hello, World!",
    "get_schema": {"openapi": "3.1.0", "info": {"title": "Templates"}, "paths": {}},
    "get_root": {"templates": f"{API}/templates", "schema": f"{API}/schema"},
    "keys": [],
    "Health.status": "ok",
    "NotReady.status": "error",
    "reason": "The database does not answer (ServerSelectionTimeoutError).",
    "msg": "Template created successfully",
    **NOT_FOUND,
    "ProblemType.example": NOT_FOUND,
    "when": "There is nothing at this address that you may see.",
    "remedy": "Look for it in the list.",
    "field": "template",
    "message": "This field is required.",
}


def named(name: str, schema: dict[str, Any], scope: str, components: dict[str, Any]) -> Any:
    """Return the example of a name within a component or an operation."""
    for key in (f"{scope}.{name}", name):
        if key in EXAMPLES:
            return EXAMPLES[key]
    example = example_of(schema, components, scope)
    if example is None:
        warn(f"There is no example of {scope}.{name}: add one to templatesvc/api/examples.py.")
    return example


def example_of(schema: dict[str, Any], components: dict[str, Any], scope: str) -> Any:
    """Return an example of a schema, made of those of the names in it; None if it has none."""
    if reference := schema.get("$ref"):
        component = reference.rpartition("/")[2]
        return example_of(components[component], components, component)
    if "items" in schema:
        return [example_of(schema["items"], components, scope)]
    if "properties" in schema:
        return {
            name: named(name, inner, scope, components)
            for name, inner in schema["properties"].items()
        }
    return EXAMPLES.get(scope)

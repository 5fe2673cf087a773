"""Every route of the URL map, the operators' pages included, and paths that lead to something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.audit import Action, AuditEntry, record
from accounts.clients import Client
from accounts.documents import Session
from templatesvc.mongo import ids
from tests.conftest import Person
from tests.docs.test_routes import path_of
from tests.resources import RESOURCES, keep, keep_deleted


def routes() -> list[str]:
    """Return each path of the URL map, with names in braces for what varies."""
    return list(dict.fromkeys(path for path, _ in mapped()))


def mapped(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = "/"
) -> Iterator[tuple[str, URLPattern]]:
    """Yield each path of the URL map with its pattern."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + path_of(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from mapped(pattern.url_patterns, path.rstrip("/") + "/")
        else:
            yield path, pattern


def documents(person: Person) -> dict[str, str]:
    """Make a document of each kind that is theirs; return their ids by what a path calls them."""
    kept = {admin.opts.model_name: keep(admin, person.name, "kept") for admin in RESOURCES}
    gone = {
        f"deleted{admin.opts.model_name}": keep_deleted(admin, person.name, "gone")
        for admin in RESOURCES
    }
    record(Action.LOGGED_IN, person.name, Client())
    found: dict[str, Any] = {
        **kept,
        **gone,
        "user": person.user,
        "session": Session.of(person.user).first(),
        "auditentry": AuditEntry.objects.first(),
    }
    return {name: ids.encode(document.id) for name, document in found.items()}


def filled(route: str, known: dict[str, str]) -> str:
    """Return a path that leads to what is there."""
    kind = route.rpartition("/{id}")[0].rpartition("/")[2]
    id = known.get(kind) or known.get(kind.removesuffix("s"), "")
    values = {"id": id, "number": "1", "code": "invalid", "app_label": "accounts", "url": "none"}
    return route.format(**values)

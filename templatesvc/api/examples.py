"""One example for each name that the API uses, so that all examples tell one story.

Every body, answer, parameter and header of the schema gets an example that is made of these. An app
has its own in ``examples.py``; those of a resource are made from its serializer. A name that means
something else in one place has another entry for that: ``Session.id`` is the ``id`` of the schema's
component ``Session``, and ``end_session.id`` the parameter ``id`` of that operation. An entry with
the name of an operation is its whole body, if that is no JSON object. ``create_book.body`` is a
JSON body of its own for the operation ``create_book``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from drf_spectacular.drainage import warn

from templatesvc.api.notation import extended_json

API = "https://service.example.org/api/v1"
ID = "697df2c0a1b2c3d4e5f60718"
CURSOR = "WyIxYzQ2YWZjNSIsMTc2OTg2MDgwMDAwMF0:1vmB5I:c2lnbmF0dXJl"
ETAG = '"2-0f1e2d3c4b5a69788796"'
TIMES = {
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-02-01T09:30:00Z",
    "replaced_at": "2026-02-01T09:30:00Z",
    "deleted_at": "2026-02-01T09:30:00Z",
}
NOT_FOUND = {
    "type": "/problems/not_found",
    "title": "Not Found",
    "status": 404,
    "detail": "Not found.",
    "code": "not_found",
}

# What every service has.
EXAMPLES: dict[str, Any] = {
    "id": ID,
    "version": 2,
    "number": 1,
    **TIMES,
    # Imports
    "created": 1,
    "replaced": 0,
    "skipped": 0,
    "invalid": 0,
    "line": 1,
    "ImportLine.status": "created",
    "ImportLine.detail": "You have this document already.",
    "mode": "skip",
    # Lists
    "limit": 20,
    "cursor": CURSOR,
    "ordering": "-created_at",
    "count": 42,
    "created_after": "2026-01-01T00:00:00Z",
    "created_before": "2026-02-01T00:00:00Z",
    "previous": None,
    # Headers
    "ETag": ETAG,
    "If-Match": ETAG,
    "If-None-Match": ETAG,
    "Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324",
    "Idempotency-Replayed": "true",
    "Accept-Patch": "application/json, application/merge-patch+json",
    "WWW-Authenticate": 'Bearer realm="api"',
    "Retry-After": "2",
    # Problems
    **NOT_FOUND,
    "ProblemType.example": NOT_FOUND,
    "when": "There is nothing at this address that you may see.",
    "remedy": "Look for it in the list.",
    "message": "This field is required.",
}
# Serializers of resources, which hold the examples of their documents.
_serializers: list[Any] = []


def register_example(serializer: Any) -> None:
    """Use the example of a resource's serializer."""
    _serializers.append(serializer)


@cache
def examples() -> dict[str, Any]:
    """Return all examples by their names."""
    found = dict(EXAMPLES)
    for serializer in _serializers:
        found.update(_of_resource(serializer))
    for app in apps.get_app_configs():
        if module_has_submodule(app.module, "examples"):
            found |= import_module(f"{app.name}.examples").EXAMPLES
    return found


def _of_resource(serializer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the examples of a resource: of its components, and of its operations."""
    meta, names = serializer.Meta, serializer.Meta.document.names
    example, kind = getattr(meta, "example", {}), meta.document.__name__
    url = f"{API}/{names.slugs.replace('_', '-')}"
    own, version = {"url": f"{url}/{ID}"}, {"url": f"{url}/{ID}/versions/1"}
    following = f"{url}?cursor={CURSOR}"
    times = {name: TIMES[name] for name in ("created_at", "updated_at")}
    line = extended_json({"id": ID, **example, "version": 2, **times}) + "\n"
    texts = [value for value in example.values() if isinstance(value, str)]
    listed = {name: v[0] if isinstance(v, list) and v else v for name, v in example.items()}
    scopes: dict[str, dict[str, Any]] = {
        kind: example | own,
        f"{kind}Row": example | own,
        f"{kind}Request": example,
        f"Patched{kind}Request": example,
        f"Patched{kind}MergePatchRequest": example,
        f"{kind}Version": version,
        f"Full{kind}Version": example | version,
        f"Deleted{kind}": version,
        f"Deleted{kind}Row": version,
        f"Paginated{kind}List": {"next": following},
        f"PaginatedDeleted{kind}List": {"next": following},
        f"create_{names.slug}": {"Location": own["url"]},
        f"restore_{names.slug}": {"Location": own["url"]},
        f"list_{names.slugs}": {
            **listed,
            "count": True,
            "search": texts[0] if texts else "text",
            "Link": f'<{following}>; rel="next"',
        },
        f"list_deleted_{names.slugs}": {
            "count": True,
            "ordering": "-deleted_at",
            "Link": f'<{following}>; rel="next"',
        },
        f"export_{names.slugs}": {
            "Content-Disposition": f'attachment; filename="{names.slugs}.ndjson"'
        },
    }
    for scope, values in scopes.items():
        yield from ((f"{scope}.{name}", value) for name, value in values.items())
    yield f"export_{names.slugs}", line
    yield f"import_{names.slugs}", line


def named(name: str, schema: dict[str, Any], scope: str, components: dict[str, Any]) -> Any:
    """Return the example of a name within a component or an operation."""
    known = examples()
    for key in (f"{scope}.{name}", name):
        if key in known:
            return known[key]
    example = example_of(schema, components, scope)
    if example is None:
        warn(
            f"There is no example of {scope}.{name}: add one to the example of its serializer's "
            "Meta, or to the app's examples.py."
        )
    return example


def example_of(schema: dict[str, Any], components: dict[str, Any], scope: str) -> Any:
    """Return an example of a schema, made of those for the names in it; None if there is none."""
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
    return examples().get(scope)

"""The README's table of routes and the URL map, each held to the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.views.generic.edit import ProcessFormView

from tests.docs.markdown import bare, section, table

TESTS_OWN = ("/api/v1/films", "/api/v1/genres", "/api/v1/specimens")
VARIABLE = re.compile(r"\(\?P<(\w+)>.*?\)(?=/|$)|<(?:\w+:)?(\w+)>")


def path_of(pattern: str) -> str:
    """Return a URL pattern as a person writes it, without the slash that may end it."""
    path = pattern.removesuffix("$").removesuffix("?").removesuffix("/")
    path = VARIABLE.sub(lambda match: f"{{{match[1] or match[2]}}}", path)
    return path.replace("^", "").replace("\\", "").replace("{pk}", "{id}")


def methods_of(callback: Callable[..., Any]) -> set[str]:
    view = getattr(callback, "view_class", None) or callback.cls  # type: ignore[attr-defined]
    names = getattr(callback, "actions", None) or {
        name for name in view.http_method_names if hasattr(view, name)
    }
    # Django's form pages take a PUT for a POST, which no browser sends.
    unsaid = {"head", "options"} | ({"put"} if issubclass(view, ProcessFormView) else set())
    return {name.upper() for name in set(names) - unsaid}


def mapped(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each path of the URL map with its methods; the operators' pages are one."""
    for pattern in patterns:
        if str(pattern.pattern).startswith("^admin"):
            yield "/admin", {"GET", "POST"}
        elif isinstance(pattern, URLResolver):
            inner = (prefix + path_of(f"{pattern.pattern}")).rstrip("/") + "/"
            yield from mapped(pattern.url_patterns, inner)
        else:
            yield prefix + path_of(str(pattern.pattern)), methods_of(pattern.callback)


def served() -> dict[str, set[str]]:
    """Return the paths of the service with their methods: those of the tests' films left out."""
    found = dict(mapped(get_resolver().url_patterns, "/"))
    return {path: names for path, names in found.items() if not path.startswith(TESTS_OWN)}


def documented() -> dict[str, set[str]]:
    rows = table(section("README.md", "Routes"))
    return {bare(route): set(methods.split(", ")) for route, methods, _ in rows}


def test_the_readme_lists_the_routes_that_there_are_with_their_methods() -> None:
    assert documented() == served()


def test_the_readme_lists_no_route_twice() -> None:
    assert len(documented()) == len(table(section("README.md", "Routes")))

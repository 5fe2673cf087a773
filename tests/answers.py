"""What tests ask of any route, with the Flask service's or without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import Resolver404, resolve


def told(answer: Any) -> str:
    """Return what an error says to people, in whichever of its two shapes."""
    body = answer.json() if callable(answer.json) else answer.json
    if "msg" in body:
        assert set(body) == {"msg"}
        return str(body["msg"])
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    return str(body["detail"])


def pages(client: Any, url: str, most: int = 100) -> Iterator[list[Any]]:
    """Yield the results of each page of a list, from one on; fail if there are too many."""
    while url:
        assert (most := most - 1) >= 0, f"The pages do not end: {url}"
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        yield answer.json()["results"]
        url = answer.json()["next"]


def there(*paths: str) -> list[str]:
    """Return those of the paths that the service has: some may go with the Flask service."""
    return [path for path in paths if _resolves(path)]


def _resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True

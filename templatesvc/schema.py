"""What the OpenAPI schema says that drf-spectacular can't see."""

from __future__ import annotations

from typing import Any


def without_final_slash(endpoints: list[tuple[str, str, str, Any]], **_: Any) -> list[Any]:
    """Write each path as it is documented, of the two forms that are answered."""
    return [
        (path.rstrip("/") or "/", regex, method, view) for path, regex, method, view in endpoints
    ]

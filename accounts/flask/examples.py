"""Examples of the Flask service's routes for accounts; see ``templatesvc.api.examples``."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "hello": "Hello, World!",
}

"""Examples of what the service says about itself; see ``templatesvc.api.examples``."""

from __future__ import annotations

from typing import Any

from templatesvc.api.examples import API

EXAMPLES: dict[str, Any] = {
    "get_schema": {"openapi": "3.1.0", "info": {"title": "Templates"}, "paths": {}},
    "get_root": {"templates": f"{API}/templates", "schema": f"{API}/schema"},
    "Health.status": "ok",
    "NotReady.status": "error",
    "reason": "The database does not answer (ServerSelectionTimeoutError).",
    "field": "template",
}

"""Examples of the Flask service's routes for templates; see ``templatesvc.api.examples``."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "msg": "Template created successfully",
    "flask_create.body": {"template": "Dear Sir or Madam"},
    "flask_delete.body": {"template": "Dear {name}"},
    "old_template": "Dear Sir or Madam",
    "new_template": "Dear {name}",
    "profile": "ada",
}

"""Examples of templates; see ``templatesvc.api.examples``."""

from __future__ import annotations

from typing import Any

BOOK = {"kind": "book", "title": "Nineteen Eighty-Four", "author": "Orwell", "year": 1949}

EXAMPLES: dict[str, Any] = {
    "template": BOOK,
    "replace_template.body": {"template": BOOK | {"year": 1950}},
    "update_template.body": {"template": BOOK | {"year": 1948}},
    "PatchedTemplateMergePatchRequest.template": {"year": 1948, "kind": None},
    "list_templates.search": "orwell",
    "list_templates.kind": "object",
}

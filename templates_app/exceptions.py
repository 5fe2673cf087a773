"""The errors that only templates have."""

from __future__ import annotations

from templatesvc.api.exceptions import Conflict


class TemplateExists(Conflict):
    """409: the owner has a template of this value already."""

    default_detail = "Template already exists on your profile"
    default_code = "template_exists"

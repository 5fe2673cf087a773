"""The errors that only templates have."""

from __future__ import annotations

from templatesvc.exceptions import Conflict


class TemplateExists(Conflict):
    default_detail = "Template already exists on your profile"
    default_code = "template_exists"

"""Registers the app of templates."""

from __future__ import annotations

from templatesvc.apps import ResourceAppConfig


class TemplatesAppConfig(ResourceAppConfig):
    name = "templates_app"
    verbose_name = "Templates"
    api_description = "Templates: texts or JSON objects that only their owner can see and change."

"""Registers what templates bring along."""

from django.apps import AppConfig


class TemplatesAppConfig(AppConfig):
    name = "templates_app"
    verbose_name = "Templates"
    api_description = "Templates: texts or JSON objects that only their owner can see and change."

    def ready(self) -> None:
        # Importing registers documents and pages.
        from templates_app import admin, documents, schema  # noqa: F401
        from templates_app.flask.adoption import audit, quarantine  # noqa: F401

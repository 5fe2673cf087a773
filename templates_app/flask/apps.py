"""Registers the parts of templates for the Flask service."""

from __future__ import annotations

from django.apps import AppConfig


class FlaskTemplatesConfig(AppConfig):
    name = "templates_app.flask"
    label = "flask_templates"
    verbose_name = "Flask"
    api_description = (
        "The routes of the Flask service that this one replaces, as they were: "
        'errors are `{"msg": "…"}`.'
    )

    def ready(self) -> None:
        from templates_app.flask import schema  # noqa: F401
        from templates_app.flask.adoption import audit, quarantine  # noqa: F401

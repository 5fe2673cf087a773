"""Registers the parts of accounts for the Flask service."""

from __future__ import annotations

from django.apps import AppConfig


class FlaskAccountsConfig(AppConfig):
    name = "accounts.flask"
    label = "flask_accounts"
    verbose_name = "Flask"
    api_description = (
        "The routes of the Flask service that this one replaces, as they were: "
        'errors are `{"msg": "…"}`.'
    )

    def ready(self) -> None:
        from accounts.flask import checks  # noqa: F401

"""Registers what accounts bring along."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"
    api_description = "Users, their passwords, tokens and sessions."

    def ready(self) -> None:
        # Importing registers them: documents, checks, pages, the doctor, what the schema says.
        from accounts import admin, audit, checks, doctor, limits, schema, signals  # noqa: F401

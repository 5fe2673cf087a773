from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        # Importing registers them: documents, checks, and what the schema says.
        from accounts import admin, audit, checks, limits, schema  # noqa: F401

from django.apps import AppConfig


class TemplatesvcConfig(AppConfig):
    name = "templatesvc"
    verbose_name = "Service"

    def ready(self) -> None:
        from templatesvc import checks, store  # noqa: F401  (importing registers the checks)

        store.register()

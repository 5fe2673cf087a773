from django.apps import AppConfig


class TemplatesAppConfig(AppConfig):
    name = "templates_app"
    verbose_name = "Templates"

    def ready(self) -> None:
        from accounts.documents import User
        from templates_app.documents import Template

        User.deletes_with_it(Template.delete_all_of)

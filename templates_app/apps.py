"""Registers what templates bring along, and what of it goes with a user."""

from django.apps import AppConfig


class TemplatesAppConfig(AppConfig):
    name = "templates_app"
    verbose_name = "Templates"
    api_description = "Templates: texts or JSON objects that only their owner can see and change."

    def ready(self) -> None:
        # Importing registers its documents.
        from accounts import erasure
        from accounts.documents import User
        from templates_app import admin, transfer  # noqa: F401
        from templates_app.documents import Template
        from templates_app.flask.adoption.quarantine import Quarantined
        from templatesvc.api.idempotency import IdempotentRequest
        from templatesvc.mongo.quota import Usage

        erasure.deletes_with_it(Template.delete_some_of)
        # Their answers would show templates to whoever has the name next.
        erasure.deletes_with_it(IdempotentRequest.delete_some_of)
        erasure.deletes_with_it(Quarantined.delete_some_of)
        Usage.counts(Template.amount_of)
        Usage.counts(IdempotentRequest.amount_of)
        erasure.deletes_with_it(Usage.delete_some_of)
        User.exports_with_it("templates", transfer.exported)
        User.exports_with_it("template_versions", transfer.exported_versions)
        User.exports_with_it("answers", transfer.exported_answers)
        User.exports_with_it("quarantine", Quarantined.exported)

"""Registers the store and the system checks, and disconnects Django's signals for SQL."""

from django.apps import AppConfig


class TemplatesvcConfig(AppConfig):
    name = "templatesvc"
    verbose_name = "Service"
    api_description = "What the service says about itself."

    def ready(self) -> None:
        from django import db
        from django.core.signals import request_finished, request_started

        # This registers the checks, and the documents whose indexes are to be built.
        from templatesvc.api import encoding, idempotency
        from templatesvc.mongo import leases, store  # noqa: F401
        from templatesvc.mongo.quota import Usage
        from templatesvc.ops import checks  # noqa: F401

        store.register()
        Usage.counts(idempotency.IdempotentRequest.amount_of)
        encoding.forget_unknown_codecs()
        # They would look for connections to SQL around each request: 9 of the 96 µs of GET /.
        request_started.disconnect(db.reset_queries)
        request_started.disconnect(db.close_old_connections)
        request_finished.disconnect(db.close_old_connections)

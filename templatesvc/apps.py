"""Registers the store and the system checks, and finds the modules of apps of resources."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule


class ResourceAppConfig(AppConfig):
    """An app of resources, whose modules are found by their names.

    ``documents``, ``admin`` and ``schema`` are imported at start, ``urls`` with the URL map, and
    ``examples`` for the schema. ``api_description`` describes the app's routes in the schema.
    """

    default = False  # Django takes the subclass that an app has
    api_description = "Only their owner can see and change them."

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.default = True

    def ready(self) -> None:
        for name in ("documents", "admin", "schema"):
            self.load(name)

    def load(self, name: str) -> None:
        """Import a module of the app, if it exists, so that it registers its contents."""
        if module_has_submodule(self.module, name):
            import_module(f"{self.name}.{name}")


def resource_apps() -> Iterator[ResourceAppConfig]:
    """Yield the apps of resources, in the order of INSTALLED_APPS."""
    return (app for app in apps.get_app_configs() if isinstance(app, ResourceAppConfig))


class TemplatesvcConfig(AppConfig):
    default = True
    name = "templatesvc"
    verbose_name = "Service"
    api_description = "What the service says about itself."

    def ready(self) -> None:
        from django import db
        from django.core import cache
        from django.core.signals import request_finished, request_started

        # This registers the checks, and the documents whose indexes are to be built.
        from templatesvc.api import encoding
        from templatesvc.api.idempotent_requests import IdempotentRequest
        from templatesvc.mongo import leases, store  # noqa: F401
        from templatesvc.mongo.quota import Usage
        from templatesvc.ops import checks  # noqa: F401

        store.register()
        Usage.register_counter(IdempotentRequest.amount_of)
        encoding.forget_unknown_codecs()
        # These look for SQL connections around each request, and for a cache after it.
        request_started.disconnect(db.reset_queries)
        request_started.disconnect(db.close_old_connections)
        request_finished.disconnect(db.close_old_connections)
        request_finished.disconnect(cache.close_caches)

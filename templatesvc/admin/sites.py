"""Django's AdminSite, whose pages are about documents, with nothing of it that needs SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, re_path, reverse
from django.utils.decorators import decorator_from_middleware
from django.utils.text import capfirst

from templatesvc.admin.options import DocumentAdmin
from templatesvc.documents import ServiceDocument

Declaration = TypeVar("Declaration", bound=type[DocumentAdmin])


class DocumentSite(AdminSite):
    """The site of the operators. Log-in, permission check, namespace and skin are Django's."""

    site_header = "Templates service"
    site_title = "Templates service"
    index_title = "Administration"
    site_url = "/api/v1/"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.admins: dict[type[ServiceDocument], DocumentAdmin] = {}

    def register(self, document: type[ServiceDocument]) -> Callable[[Declaration], Declaration]:
        """Return a decorator that gives a document the pages that a class declares."""

        def registered(declaration: Declaration) -> Declaration:
            self.admins[document] = declaration(document, self)
            return declaration

        return registered

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        # Messages are for these pages alone: an API request is not to pay for their middleware.
        return super().admin_view(decorator_from_middleware(MessageMiddleware)(view), cacheable)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        labels = "|".join(sorted({admin.opts.app_label for admin in self.admins.values()}))
        app = rf"^(?P<app_label>{labels})/?$"
        # Every path answers with and without a final slash, and links have none.
        return [
            re_path(r"^$", self.admin_view(self.index), name="index"),
            re_path(r"^login/?$", self.login, name="login"),
            re_path(r"^logout/?$", self.admin_view(self.logout), name="logout"),
            re_path(r"^jsi18n/?$", self.admin_view(self.i18n_javascript, True), name="jsi18n"),
            *(pattern for admin in self.admins.values() for pattern in admin.get_urls()),
            re_path(app, self.admin_view(self.app_index), name="app_list"),
            re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return what the operator may see, as Django's templates list it."""
        found: dict[str, dict[str, Any]] = {}
        for admin in self.admins.values():
            opts = admin.opts
            if app_label not in (None, opts.app_label) or not admin.has_permission(request, "view"):
                continue
            app = found.setdefault(opts.app_label, self._app(opts.app_label))
            may_add = admin.has_add_page and admin.has_permission(request, "add")
            app["models"].append(
                {
                    "name": capfirst(opts.verbose_name_plural),
                    "object_name": opts.object_name,
                    "admin_url": admin.url_of("changelist"),
                    "add_url": admin.url_of("add") if may_add else None,
                    "view_only": not admin.has_permission(request, "change"),
                }
            )
        return list(found.values())

    def _app(self, label: str) -> dict[str, Any]:
        url = reverse("admin:app_list", kwargs={"app_label": label}, current_app=self.name)
        name = apps.get_app_config(label).verbose_name
        return {"name": name, "app_label": label, "app_url": url, "models": []}

    def get_log_entries(self, request: HttpRequest) -> Any:
        return []  # Django's are in SQL


site = DocumentSite()

"""Django's AdminSite for documents, without the parts that need SQL."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LogoutView
from django.contrib.messages.middleware import MessageMiddleware
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, re_path, reverse, reverse_lazy
from django.utils.decorators import decorator_from_middleware
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_protect

from templatesvc.admin.options import DocumentAdmin
from templatesvc.api import problems
from templatesvc.mongo.documents import ServiceDocument
from templatesvc.ops import doctor

# The parts of the doctor's report that are quick enough for a page.
EXAMINED = (doctor.system_checks, doctor.connection, doctor.standing_indexes)
# The field of the log-in page that holds what was typed on the page before.
TYPED = "typed"
Pairs = list[tuple[str, str]]
Declaration = TypeVar("Declaration", bound=type[DocumentAdmin])


class DocumentSite(AdminSite):
    """The operators' site. Log-in, permission check, namespace and styles are Django's."""

    site_header = settings.SERVICE_NAME
    site_title = settings.SERVICE_NAME
    index_title = "Administration"
    site_url = reverse_lazy("api-root")

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.password_change_view: Callable[..., HttpResponseBase] = super().password_change
        self.dashboard: Callable[[HttpRequest], dict[str, Any]] = lambda _: {}
        self.admins: dict[type[ServiceDocument], DocumentAdmin] = {}

    def register(self, document: type[ServiceDocument]) -> Callable[[Declaration], Declaration]:
        """Return a decorator for the class that declares the pages of a document."""

        def registered(declaration: Declaration) -> Declaration:
            admin = declaration(document, self)
            for each in (admin, *admin.companions()):
                self.admins[each.document] = each
            return declaration

        return registered

    @property
    def in_order(self) -> list[DocumentAdmin]:
        """All declarations, in the order of their lists."""
        return sorted(self.admins.values(), key=lambda admin: admin.menu_order)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        # Only these pages have messages: API requests should not pay for their middleware.
        told = decorator_from_middleware(MessageMiddleware)(self._explained(view))
        return super().admin_view(told, cacheable)

    def _explained(self, view: Any) -> Any:
        """Return a view whose refusals are pages of this site, with links to go on."""

        @wraps(view)
        def explained(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                answer: HttpResponseBase = view(request, *args, **kwargs)
            except PermissionDenied:
                return self._refusal(request, 403)
            except Http404 as error:
                ways = getattr(error, "ways", ())
                return self._refusal(request, 404, detail=str(error), ways=ways)
            return answer

        return explained

    def _refusal(self, request: HttpRequest, status: int, **context: Any) -> HttpResponseBase:
        request.current_app = self.name
        context |= self.each_context(request)
        return TemplateResponse(request, f"admin/{status}.html", context, status=status)

    def page(self, view: Any) -> Any:
        """Return a view for operators, who must change a temporary password first."""

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.must_change_password:
                return HttpResponseRedirect(reverse("admin:password_change"))
            answer: HttpResponseBase = view(request, *args, **kwargs)
            return answer

        guarded = self.admin_view(checked)

        @csrf_protect
        @wraps(view)
        def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST" and not self.has_permission(request):
                return self._log_in_again(request)
            answer: HttpResponseBase = guarded(request, *args, **kwargs)
            return answer

        kept.takes_typed = True
        return kept

    # --- A session or a token that ended while somebody was typing -----------------------------

    def _log_in_again(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the password on a page that keeps what was sent, except passwords."""
        context = self.each_context(request) | {
            "title": "Log in",
            "form": (self.login_form or AuthenticationForm)(request),
            "app_path": reverse("admin:login"),
            "next": request.get_full_path(),
            "username": request.user.get_username(),
            TYPED: urlencode(typed_in(request)),
        }
        return TemplateResponse(request, "admin/login.html", context)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Log in; somebody who was typing goes on from there."""
        typed = request.POST.get(TYPED, "")
        answer: HttpResponseBase = super().login(request, {TYPED: typed} | (extra_context or {}))
        if not typed or answer.status_code != 302:
            return answer
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        try:
            pairs = parse_qsl(typed, keep_blank_values=True, max_num_fields=most)
        except ValueError:  # no form has so many
            return answer
        return self._resume(request, "You are logged in again", answer.headers["Location"], pairs)

    def _resume(
        self,
        request: HttpRequest,
        title: str,
        url: str,
        pairs: Pairs,
        status: int = 200,
        **more: Any,
    ) -> HttpResponseBase:
        """Return a page with what somebody typed, from which they go on at a URL."""
        request.current_app = self.name
        context = self.each_context(request) | {"title": title, "url": url, "pairs": pairs} | more
        return TemplateResponse(request, "admin/resume.html", context, status=status)

    def refuse_token(self, request: HttpRequest, reason: str) -> HttpResponseBase:
        """Answer 403 to a form whose CSRF token is not the browser's, and keep what was typed.

        That happens to people who logged in again in another tab. Nothing is kept of what another
        site's page sends.
        """
        is_foreign = reason.startswith(("Origin", "Referer"))
        takes_typed = getattr(getattr(request.resolver_match, "func", None), "takes_typed", False)
        is_kept = takes_typed and not is_foreign
        if is_kept and not self.has_permission(request):
            answer = self._log_in_again(request)
            answer.status_code = 403
            return answer
        pairs, url = typed_in(request) if is_kept else [], request.get_full_path()
        title = "This page was out of date"
        return self._resume(request, title, url, pairs, status=403, reason=reason)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        return self.password_change_view(request)

    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Show what the operator may see, and what happens."""
        return super().index(request, self.dashboard(request) | (extra_context or {}))

    def health(self, request: HttpRequest) -> HttpResponseBase:
        """Show whether the store answers and has its indexes, and which settings are unsafe."""
        findings = [found for look in EXAMINED for found in look()]
        context = self.each_context(request) | {"title": "Health", "findings": findings}
        return TemplateResponse(request, "admin/health.html", context)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Log out, and offer to log in again."""
        answer: HttpResponseBase = LogoutView.as_view(next_page=reverse("admin:login"))(request)
        return answer

    def get_urls(self) -> list[URLPattern | URLResolver]:
        labels = "|".join(sorted({admin.opts.app_label for admin in self.admins.values()}))
        app = rf"^(?P<app_label>{labels})/?$"
        # Every path answers with and without a final slash, and links have none.
        return [
            re_path(r"^$", self.page(self.index), name="index"),
            re_path(r"^health/?$", self.page(self.health), name="health"),
            re_path(r"^login/?$", self.login, name="login"),
            re_path(r"^logout/?$", self.admin_view(self.logout), name="logout"),
            re_path(r"^jsi18n/?$", self.admin_view(self.i18n_javascript, True), name="jsi18n"),
            re_path(
                r"^password_change/?$",
                self.admin_view(self.password_change),
                name="password_change",
            ),
            *(pattern for admin in self.admins.values() for pattern in admin.get_urls()),
            re_path(app, self.page(self.app_index), name="app_list"),
            re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return what the operator may see, as Django's templates list it."""
        found: dict[str, dict[str, Any]] = {}
        for admin in self.in_order:
            opts = admin.opts
            if app_label not in (None, opts.app_label) or not admin.has_permission(request, "view"):
                continue
            name = admin.section or opts.app_config.verbose_name
            app = found.setdefault(name, self._app(opts.app_label, name))
            may_change = (admin.form_class or admin.actions) and admin.has_permission(
                request, "change"
            )
            may_add = admin.add_form_class and admin.has_permission(request, "add")
            app["models"].append(
                {
                    "name": capfirst(opts.verbose_name_plural),
                    "object_name": opts.object_name,
                    "admin_url": admin.url_of("changelist"),
                    "add_url": admin.url_of("add") if may_add else None,
                    "view_only": not may_change,
                }
            )
        return list(found.values())

    def _app(self, label: str, name: str) -> dict[str, Any]:
        url = reverse("admin:app_list", kwargs={"app_label": label}, current_app=self.name)
        return {"name": name, "app_label": label, "app_url": url, "models": []}

    def get_log_entries(self, request: HttpRequest) -> Any:
        return []  # Django's are in SQL


def typed_in(request: HttpRequest) -> Pairs:
    """Return the names and values of a form, except passwords."""
    pairs = ((name, value) for name, values in request.POST.lists() for value in values)
    return [(n, v) for n, v in pairs if "password" not in n and n != "csrfmiddlewaretoken"]


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Answer 403 to a form without a valid CSRF token, with a page of its site."""
    match = request.resolver_match
    if match and site.name in match.namespaces:
        return site.refuse_token(request, reason)
    return problems.csrf_failure(request, reason)


site = DocumentSite()

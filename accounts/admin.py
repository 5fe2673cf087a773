"""Operators' pages for accounts: users, their sessions, and the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import reduce
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, reverse
from django.utils.text import capfirst
from django.views.generic import FormView
from mongoengine.queryset import QuerySet
from rest_framework.exceptions import APIException, NotFound

from accounts import operations
from accounts.audit import AuditEntry, sentences
from accounts.clients import Client
from accounts.dashboard import dashboard
from accounts.documents import Session, User
from accounts.exceptions import ErasureUnfinished
from accounts.forms import (
    AddUserForm,
    LoginForm,
    PasswordChangeForm,
    QuotaForm,
    RoleForm,
    SetPasswordForm,
)
from accounts.operations import Actor
from accounts.operators import Operators, Role
from accounts.passwords import change_own_password
from accounts.serializers import PasswordChangeSerializer
from templatesvc.admin import DocumentAdmin, Happened, action, display, site
from templatesvc.admin.changelist import parameters_of
from templatesvc.admin.filters import ChoiceFilter, DateFilter, Filter, TextFilter, in_words
from templatesvc.admin.forms import NameForm
from templatesvc.admin.views import DocumentView
from templatesvc.api.streams import streamed
from templatesvc.mongo.documents import now
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.quota import Limits, Usage
from templatesvc.mongo.walks import Query, both

site.login_form = LoginForm
site.dashboard = dashboard
SHOWN_ENTRIES = 100


def with_role(role: Role) -> Callable[[], Query]:
    """Return what makes the condition for operators of a role."""

    def query() -> Query:
        people = Operators.current().people
        return {"username": {"$in": [p.username for p in people if p.role == role]}}

    return query


class PasswordChangePage(FormView):
    """The change of one's own password."""

    form_class = PasswordChangeForm
    template_name = "admin/password_change.html"

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        shown = site.each_context(self.request) | {"title": "Password change"}
        return super().get_context_data(**shown, **context)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        passwords = {name: form.cleaned_data[name] for name in ("current_password", "new_password")}
        user, client = self.request.user, Client.of(self.request)
        serializer = PasswordChangeSerializer(data=passwords, context={"user": user})
        try:
            serializer.is_valid(raise_exception=True)
            change_own_password(user, client, **serializer.validated_data)
        except APIException as refusal:
            form.add_refusal(refusal)
            return self.form_invalid(form)
        login(self.request, user)
        messages.success(self.request, "Your password was changed, and other sessions ended.")
        return HttpResponseRedirect(reverse("admin:index"))


site.password_change_view = PasswordChangePage.as_view()


def is_standing(user: User) -> bool:
    """Tell whether the user is not being erased."""
    return user.erased_at is None


@site.register(User)
class UserAdmin(DocumentAdmin):
    """Everybody who has an account."""

    list_display = ("username", "is_active", "joined", "last_login")
    list_filter = (
        ChoiceFilter(
            "active", "active", {"yes": {"is_active": {"$ne": False}}, "no": {"is_active": False}}
        ),
        ChoiceFilter("erased", "being erased", {"yes": {"erased_at": {"$type": "date"}}}),
        ChoiceFilter("role", "role", {role.value: with_role(role) for role in Role}),
        DateFilter("joined", "date joined"),
    )
    ordering = "username"
    sortable_by = ("username", "id")
    search_fields = ("username",)
    search_help_text = "Any part of a name."
    search_most = 150_000
    readonly_fields = (
        "username",
        "is_active",
        "role",
        "must_change_password",
        "joined",
        "last_login",
        "quota",
        "deletion_begun",
    )
    add_form_class = AddUserForm

    def name_of(self, user: User) -> str:
        return user.username or f"the user with the id {user.id!r}"

    @display(description="joined", ordering="id")
    def joined(self, user: User) -> datetime | None:
        return user.joined

    def role(self, user: User) -> str:
        return f"{user.role}: {user.role.label}" if user.role else "none"

    def deletion_begun(self, user: User) -> datetime | None:
        return user.erased_at

    def quota(self, user: User) -> str:
        if user.username is None:
            return "nothing is counted"
        usage = Usage.of(user.username)
        return "; ".join(
            f"{count:,} {unit}, {'no limit' if most is None else f'at most {most:,}'}"
            for unit, count, most in zip(Limits._fields, usage.amount, usage.limits, strict=True)
        )

    def create(self, request: HttpRequest, values: dict[str, Any]) -> User:
        return operations.create_user(Actor.of(request), **values)

    def links(self, request: HttpRequest, user: User) -> Iterator[tuple[str, str]]:
        yield "Sessions", listed("session", user=user.username)
        for document, admin in self.site.admins.items():
            if issubclass(document, OwnedDocument):
                query = urlencode({"owner": user.username})
                yield (
                    capfirst(admin.opts.verbose_name_plural),
                    f"{admin.url_of('changelist')}?{query}",
                )

    def history(self, user: User) -> Iterable[Happened]:
        return entries(AuditEntry.objects(username=user.username))

    # --- What can be done --------------------------------------------------------------------

    @action(
        description="Deactivate",
        consequence="They are logged out everywhere at once and can't log in any more. "
        "An operator loses their role.",
        done="“{name}” was deactivated.",
        applies=lambda user: user.is_active,
    )
    def deactivate(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.deactivate(Actor.of(request), user)

    @action(
        description="Reactivate",
        consequence="They can log in again, with the password that they had.",
        done="“{name}” was reactivated.",
        applies=lambda user: not user.is_active and is_standing(user),
    )
    def reactivate(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.reactivate(Actor.of(request), user)

    @action(
        description="End all sessions",
        consequence="They are logged out everywhere, and can log in again.",
        applies=is_standing,
        done="All sessions of “{name}” have ended.",
    )
    def end_sessions(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.end_sessions(Actor.of(request), user)

    @action(
        description="Set password",
        consequence="They are logged out everywhere, and log in with this password from then on.",
        done="“{name}” has a new password.",
        applies=is_standing,
        form_class=SetPasswordForm,
        is_bulk=False,
    )
    def set_password(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.set_password(Actor.of(request), user, **values)

    @action(
        description="Force password change",
        consequence="They are logged out everywhere, and have to change their password at the "
        "next log-in before they can do anything else.",
        done="“{name}” has to change the password at the next log-in.",
        applies=is_standing,
    )
    def force_password_change(
        self, request: HttpRequest, user: User, values: dict[str, Any]
    ) -> None:
        operations.force_password_change(Actor.of(request), user)

    @action(
        description="Change role",
        consequence="From the next request on they may do what this role may.",
        done="What “{name}” may do was changed.",
        permission="accounts.change_operator",
        form_class=RoleForm,
        is_bulk=False,
        applies=lambda user: user.is_active,
    )
    def appoint(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.appoint(Actor.of(request), user, values["role"])

    @action(
        description="Change quota",
        consequence="From now on they may keep so many documents and bytes, with history; where a "
        "field is empty, what the settings say.",
        done="What “{name}” may keep was changed.",
        form_class=QuotaForm,
        is_bulk=False,
        applies=lambda user: is_standing(user) and user.username is not None,
    )
    def limit(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        operations.limit(Actor.of(request), user, Limits(**values))

    @action(
        description="Export",
        consequence="All that is stored about them comes as one JSON file.",
        done="",
        permission="view",
        is_bulk=False,
    )
    def export(
        self, request: HttpRequest, user: User, values: dict[str, Any]
    ) -> HttpResponseBase | None:
        lines = operations.export(Actor.of(request), user)
        return streamed(lines, "application/json", "person.json")

    @action(
        description="Erase",
        consequence="Their account, all that they keep and their sessions are deleted. There is no "
        "way back. The audit goes on saying what happened.",
        done="“{name}” was erased.",
        permission="delete",
        form_class=NameForm,
        is_bulk=False,
        removes=True,
    )
    def erase(self, request: HttpRequest, user: User, values: dict[str, Any]) -> None:
        if not operations.erase(Actor.of(request), user):
            raise ErasureUnfinished()

    actions = (
        deactivate,
        reactivate,
        end_sessions,
        set_password,
        force_password_change,
        appoint,
        limit,
        export,
        erase,
    )


class UserFilter(TextFilter):
    """The sessions of one user, by their name."""

    def query(self, value: str) -> Query | None:
        user = User.named(value)
        return {"user_id": {"$eq": user.id}} if user else {"_id": {"$in": []}}


@site.register(Session)
class SessionAdmin(DocumentAdmin):
    """Where people are logged in, with tokens or in browsers."""

    list_display = ("username", "kind", "ip", "created_at", "last_used_at", "user_agent")
    list_filter = (UserFilter("user", "user", "user_id"),)
    ordering = "-created_at"
    readonly_fields = (*list_display, "expires_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return Session.objects(expires_at__gt=now(), username__ne=None)

    def name_of(self, session: Session) -> str:
        return f"{session.username}, {session.ip or 'from an unknown address'}"

    def kind(self, session: Session) -> str:
        return "tokens" if session.data is None else "browser"

    def links(self, request: HttpRequest, session: Session) -> Iterator[tuple[str, str]]:
        yield "User", listed("user", q=session.username)

    @action(
        description="End",
        consequence="Its tokens, or its browser's cookie, are refused from the next request on.",
        done="The session of “{name}” has ended.",
        permission="accounts.change_user",
        removes=True,
    )
    def end(self, request: HttpRequest, session: Session, values: dict[str, Any]) -> None:
        user = User.objects(__raw__={"_id": {"$eq": session.user_id}}).first()
        if user is None:
            raise NotFound("There is no such user any more, so the session is worth nothing.")
        operations.end_session(Actor.of(request), user, session.id)

    actions = (end,)


class AuditExportView(DocumentView):
    """The entries of a list, with its filters, to take along."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a line of JSON for each, the oldest first."""
        query: Query = reduce(both, self.admin.conditions(parameters_of(request)), {})
        entries = AuditEntry.objects(__raw__=query)
        lines = operations.export_audit(Actor.of(request), entries)
        return streamed(lines, "application/x-ndjson", "audit.ndjson")


class ActionFilter(Filter):
    """The entries of one action."""

    def query(self, value: str) -> Query | None:
        return {"action": value} if value in sentences() else None

    def choices(self) -> Iterator[tuple[str, str]]:
        return ((value, in_words(value)) for value in sentences())


@site.register(AuditEntry)
class AuditEntryAdmin(DocumentAdmin):
    """Who did what to whom, and when."""

    list_display = ("at", "what", "username", "by", "document", "ip")
    list_filter = (
        TextFilter("user", "user", "username"),
        TextFilter("by", "who did it", "by"),
        TextFilter("document", "document", "document"),
        ActionFilter("action", "action"),
        DateFilter("at", "date"),
    )
    readonly_fields = (*list_display, "user_agent", "request_id", "particulars")

    def name_of(self, entry: AuditEntry) -> str:
        return entry.sentence

    def what(self, entry: AuditEntry) -> str:
        return entry.sentence

    def particulars(self, entry: AuditEntry) -> str:
        return "; ".join(entry.particulars)

    def list_links(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        yield "Export", f"{self.url_of('export')}?{request.GET.urlencode()}"

    def get_urls(self) -> list[URLPattern]:
        return [self.path("/export", AuditExportView, "export"), *super().get_urls()]


def entries(found: QuerySet) -> Iterator[Happened]:
    """Yield the latest lines of a history from the audit."""
    for entry in found.order_by("-id").limit(SHOWN_ENTRIES):
        yield Happened(entry.at, entry.by, entry.sentence, "; ".join(entry.particulars))


def listed(model: str, **filters: str) -> str:
    """Return the URL of a list of accounts' documents with filters."""
    return f"{reverse(f'admin:accounts_{model}_changelist')}?{urlencode(filters)}"

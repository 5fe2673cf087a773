"""Operators' pages for users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.utils.text import capfirst

from accounts import operations
from accounts.admin.audit import entries
from accounts.admin.links import listed
from accounts.audit import AuditEntry
from accounts.documents import User
from accounts.exceptions import ErasureUnfinished
from accounts.forms import AddUserForm, QuotaForm, RoleForm, SetPasswordForm
from accounts.operations import Actor
from accounts.operators import Operators, Role
from templatesvc.admin import DocumentAdmin, Happened, action, display, site
from templatesvc.admin.changelist import parameters_of
from templatesvc.admin.filters import ChoiceFilter, DateFilter
from templatesvc.admin.forms import NameForm
from templatesvc.admin.options import NotHere
from templatesvc.admin.views import DocumentView
from templatesvc.api.streams import streamed
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.quota import Limits, Usage
from templatesvc.mongo.walks import Query


def with_role(role: Role) -> Callable[[], Query]:
    """Return what makes the condition for operators of a role."""

    def query() -> Query:
        people = Operators.current().people
        return {"username": {"$in": [p.username for p in people if p.role == role]}}

    return query


def is_standing(user: User) -> bool:
    """Tell whether the user is not being erased."""
    return user.erased_at is None


class NamedUserView(DocumentView):
    """Leads to the page of the user whom the URL names, as links from lists and the audit do."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to it; raises Http404."""
        username = parameters_of(request).get("username", "")
        user = User.named(username) or User.tombstones().filter(username=username).first()
        if user is None:
            entries = ("What the audit says of the name", listed("auditentry", user=username))
            raise NotHere(f"Nobody is called “{username}” now.", entries)
        return HttpResponseRedirect(self.admin.url_of("change", user))


@site.register(User)
class UserAdmin(DocumentAdmin):
    """Everybody who has an account."""

    list_display = ("username", "role", "is_active", "joined", "last_login")
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
        "locked",
        "rights",
        "must_change_password",
        "joined",
        "last_login",
        "quota",
        "deletion_begun",
    )
    add_form_class = AddUserForm

    def get_urls(self) -> list[URLPattern]:
        return [self.path("/named", NamedUserView, "named"), *super().get_urls()]

    def prepare(self, request: HttpRequest, documents: list[User]) -> None:
        for user in documents:
            user.operators = request.user.operators  # which is read already

    def name_of(self, user: User) -> str:
        return user.username or f"the user with the id {user.id!r}"

    @display(description="joined (UTC)", ordering="id")
    def joined(self, user: User) -> datetime | None:
        return user.joined

    @display(description="role")
    def role(self, user: User) -> str:
        return user.role.value if user.role else "-"

    @display(description="role")
    def rights(self, user: User) -> str:
        return f"{user.role}: {user.role.label}" if user.role else "none"

    @display(description="log-ins locked (UTC)")
    def locked(self, user: User) -> str:
        lock = user.lock
        moments = (f"{moment:%Y-%m-%d %H:%M}" for moment in lock or ())
        return "since {}, until {}".format(*moments) if lock else "no"

    @display(description="deletion begun (UTC)")
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
        if user.username is None:
            return
        yield "Sessions", listed("session", user=user.username)
        for document, admin in self.site.admins.items():
            if issubclass(document, OwnedDocument):
                query = urlencode({"owner": user.username})
                yield (
                    capfirst(admin.opts.verbose_name_plural),
                    f"{admin.url_of('changelist')}?{query}",
                )
        yield "Audit", listed("auditentry", user=user.username)

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
        description="Unlock",
        consequence="Their failed log-ins are forgotten: they can log in again at once.",
        done="“{name}” was unlocked.",
        applies=lambda user: user.lock is not None,
        is_bulk=False,
    )
    def unlock(self, request: HttpRequest, user: User, values: dict[str, Any]) -> bool:
        return operations.unlock(Actor.of(request), user)

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
        consequence="They are logged out everywhere, and log in with this password from then on. "
        "If log-ins were locked, they are not any more.",
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
        unlock,
        end_sessions,
        set_password,
        force_password_change,
        appoint,
        limit,
        export,
        erase,
    )

"""Operators' pages for users."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.text import capfirst
from mongoengine.queryset import QuerySet

from accounts import operations
from accounts.admin.audit import entries
from accounts.admin.links import listed
from accounts.admin.user_actions import UserActions
from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.forms import AddUserForm
from accounts.operations import Actor
from accounts.operators import Operators, Role
from templatesvc.admin import Happened, display, site
from templatesvc.admin.actions import Action
from templatesvc.admin.changelist import parameters_of
from templatesvc.admin.filters import ChoiceFilter, DateFilter
from templatesvc.admin.options import NotHere, Options
from templatesvc.admin.views import DocumentView
from templatesvc.mongo.keysets import Query
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.quota import Limits, Usage

MAX_COUNTED = 10_000


def with_role(role: Role) -> Callable[[], Query]:
    """Return a function that makes the condition for operators with a role."""

    def query() -> Query:
        people = Operators.current().people
        return {"username": {"$in": [p.username for p in people if p.role == role]}}

    return query


def is_protected(user: User, by: User, action: str = "") -> bool:
    """Tell whether the operations would refuse to let an operator change a user's account."""
    if user.stored_role and not by.is_superuser:
        return True
    takes_role = action in ("deactivate", "appoint", "erase")
    return takes_role and user.is_superuser and user.operators.is_last(user)


def counted(found: QuerySet, opts: Options) -> str:
    """Return in words how many documents a query finds, up to MAX_COUNTED."""
    count = found.limit(MAX_COUNTED + 1).count(with_limit_and_skip=True)
    figure = f"more than {MAX_COUNTED:,}" if count > MAX_COUNTED else f"{count:,}"
    return f"{figure} {opts.verbose_name if count == 1 else opts.verbose_name_plural}"


class NamedUserView(DocumentView):
    """Redirects to the page of the user whom the URL names: links don't look up the user's id."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to it; raises Http404."""
        username = parameters_of(request).get("username", "")
        user = User.named(username) or User.tombstones().filter(username=username).first()
        if user is None:
            entries = ("What the audit says of the name", listed("auditentry", user=username))
            raise NotHere(f"Nobody is called “{username}” now.", entries)
        return HttpResponseRedirect(self.admin.url_of("change", user))


@site.register(User)
class UserAdmin(UserActions):
    """Everybody who has an account."""

    menu_order = -1

    list_display = ("username", "role", "active", "joined", "last_login")
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
        "active",
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
            user.operators = request.user.operators  # which have been read already

    def name_of(self, user: User) -> str:
        return user.username or f"the user with the id {user.id!r}"

    def active(self, user: User) -> bool:
        return user.is_active

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

    @display(description="last log-in (UTC)")
    def last_login(self, user: User) -> datetime | None:
        return user.last_login

    @display(description="must change the password")
    def must_change_password(self, user: User) -> str:
        # Django's red cross would say that something is wrong.
        return "yes, at the next log-in" if user.must_change_password else "no"

    @display(description="deletion begun (UTC)")
    def deletion_begun(self, user: User) -> datetime | None:
        return user.erased_at

    def quota(self, user: User) -> str:
        if user.username is None:
            return "nothing is counted"
        usage = Usage.peek(user.username)
        return "; ".join(
            f"{unit}: {count:,}{'' if most is None else f' of at most {most:,}'}"
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

    def belongings(self, user: User) -> Iterator[str]:
        """Yield in words how much a user has of each kind."""
        if user.username is None:
            return
        usage = Usage.peek(user.username)
        for document, admin in self.site.admins.items():
            if issubclass(document, OwnedDocument):
                yield counted(document.objects.of(user.username), admin.opts)
        yield counted(Session.of(user), self.site.admins[Session].opts)
        yield f"{usage.amount.bytes:,} bytes in all, with what was deleted and earlier versions"

    # --- Who may do what ---------------------------------------------------------------------

    def offers(self, request: HttpRequest, action: Action, user: User) -> bool:
        return super().offers(request, action, user) and (
            action.permission == "view" or not is_protected(user, request.user, action.name)
        )

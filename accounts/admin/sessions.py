"""Operators' pages for sessions."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from mongoengine.queryset import QuerySet
from rest_framework.exceptions import NotFound

from accounts import operations
from accounts.admin.links import user_link
from accounts.admin.users import is_protected
from accounts.documents import Session, User
from accounts.operations import Actor
from templatesvc.admin import DocumentAdmin, action, display, site
from templatesvc.admin.actions import Action
from templatesvc.admin.filters import TextFilter
from templatesvc.mongo.clock import now
from templatesvc.mongo.keysets import Query


class UserFilter(TextFilter):
    """The sessions of one user, by their name."""

    def query(self, value: str) -> Query | None:
        user = User.named(value)
        return {"user_id": {"$eq": user.id}} if user else {"_id": {"$in": []}}


@site.register(Session)
class SessionAdmin(DocumentAdmin):
    """Where people are logged in, with tokens or in browsers."""

    section, menu_order = "Activity", 1

    list_display = ("created_at", "owner", "kind", "last_used_at", "origin")
    list_filter = (UserFilter("user", "user", "user_id"),)
    ordering = "-created_at"
    readonly_fields = (*list_display[:-1], "expires_at", "ip", "user_agent")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return Session.objects(expires_at__gt=now(), username__ne=None)

    def name_of(self, session: Session) -> str:
        return f"{session.username}, {session.ip or 'from an unknown address'}"

    def kind(self, session: Session) -> str:
        return "tokens" if session.data is None else "browser"

    @display(description="user")
    def owner(self, session: Session) -> str:
        return user_link(session.username)

    @display(description="from")
    def origin(self, session: Session) -> str:
        """Return the address, and the program as it calls itself."""
        return format_html(
            '{}<br><span class="mini quiet">{}</span>', session.ip or "-", session.user_agent
        )

    def offers(self, request: HttpRequest, action: Action, session: Session) -> bool:
        holder = User(id=session.user_id, username=session.username)
        holder.operators = request.user.operators
        return super().offers(request, action, session) and not is_protected(holder, request.user)

    @action(
        description="End session",
        consequence="Its tokens or its browser cookie are refused from the next request on.",
        done="The session of “{name}” was ended.",
        done_many="{count} {names} were ended.",
        permission="accounts.change_user",
        removes=True,
    )
    def end(self, request: HttpRequest, session: Session, values: dict[str, Any]) -> None:
        user = User.objects(__raw__=session.user_query).first()
        if user is None:
            raise NotFound("There is no such user any more, so the session is worth nothing.")
        operations.end_session(Actor.of(request), user, session.id)

    actions = (end,)

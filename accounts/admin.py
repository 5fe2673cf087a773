"""Operators' pages for accounts."""

from __future__ import annotations

from accounts.documents import User
from accounts.forms import LoginForm
from templatesvc.admin import DocumentAdmin, display, site
from templatesvc.admin.filters import ChoiceFilter, DateFilter

site.login_form = LoginForm


@site.register(User)
class UserAdmin(DocumentAdmin):
    """Everybody who has an account."""

    list_display = ("username", "is_active", "joined", "last_login")
    list_filter = (
        ChoiceFilter(
            "active", "active", {"yes": {"is_active": {"$ne": False}}, "no": {"is_active": False}}
        ),
        DateFilter("joined", "date joined"),
    )
    ordering = "username"
    sortable_by = ("username", "id")
    search_fields = ("username",)
    search_help_text = "Any part of a name."
    search_most = 150_000
    readonly_fields = ("username", "is_active", "joined", "last_login")

    @display(description="joined", ordering="id")
    def joined(self, user: User) -> object:
        return user.joined

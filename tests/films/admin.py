"""Operators' pages for films and screenings."""

from __future__ import annotations

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from tests.films.documents import Film, Screening


@site.register(Film)
class FilmAdmin(ResourceAdmin):
    list_display = ("title", "director", "year", "owner", "updated_at")
    search_fields = ("title", "director")


@site.register(Screening)
class ScreeningAdmin(ResourceAdmin):
    list_display = ("code", "day", "price", "state", "owner")
    list_filter = ("state", "is_public")
    search_fields = ("code",)

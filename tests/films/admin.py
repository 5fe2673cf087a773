"""Operators' pages for films."""

from __future__ import annotations

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from tests.films.documents import Film


@site.register(Film)
class FilmAdmin(ResourceAdmin):
    list_display = ("title", "director", "year", "owner", "updated_at")
    search_fields = ("title", "director")

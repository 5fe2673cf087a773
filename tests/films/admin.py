"""Operators' pages for films, genres and specimens."""

from __future__ import annotations

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from tests.films.documents import Film, Genre, Specimen


@site.register(Film)
class FilmAdmin(ResourceAdmin):
    list_display = ("title", "director", "year", "owner", "updated_at")
    search_fields = ("title", "director")


@site.register(Genre)
class GenreAdmin(ResourceAdmin):
    list_display = ("label", "since", "updated_at")
    search_fields = ("label",)


@site.register(Specimen)
class SpecimenAdmin(ResourceAdmin):
    list_display = ("label", "tags", "legs", "owner", "updated_at")
    list_filter = ("kingdom", "stage", "is_rare")
    search_fields = ("label", "tags")

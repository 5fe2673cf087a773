"""Operators' pages for books."""

from __future__ import annotations

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from tests.books.documents import Book


@site.register(Book)
class BookAdmin(ResourceAdmin):
    list_display = ("title", "author", "year", "owner", "updated_at")
    search_fields = ("title", "author")

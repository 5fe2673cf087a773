"""Registers the books."""

from __future__ import annotations

from templatesvc.apps import ResourceAppConfig


class BooksConfig(ResourceAppConfig):
    name = "tests.books"
    api_description = "Books that only their owner can see and change."

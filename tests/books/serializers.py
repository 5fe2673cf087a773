"""Books as they come in and go out."""

from __future__ import annotations

from templatesvc.api.documents import DocumentSerializer
from tests.books.documents import Book


class BookSerializer(DocumentSerializer):
    class Meta:
        document = Book
        fields = ("title", "author", "year", "tags")
        example = {"title": "Emma", "author": "Austen", "year": 1815, "tags": ["novel"]}

"""Books under ``/api/v1/``."""

from __future__ import annotations

from templatesvc.api.resources import ResourceViewSet
from tests.books.serializers import BookSerializer


class BookViewSet(ResourceViewSet):
    """Your books."""

    serializer_class = BookSerializer
    filter_fields = ("author", "year", "tags")
    search_fields = ("title", "author")
    ordering_fields = ("created_at", "title", "year")

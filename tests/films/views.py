"""Films under ``/api/v1/``."""

from __future__ import annotations

from templatesvc.api.resources import ResourceViewSet
from tests.films.serializers import FilmSerializer


class FilmViewSet(ResourceViewSet):
    """Your films."""

    serializer_class = FilmSerializer
    filter_fields = ("director", "year", "tags")
    search_fields = ("title", "director")
    ordering_fields = ("created_at", "title", "year")

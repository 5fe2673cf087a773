"""Films and screenings under ``/api/v1/``."""

from __future__ import annotations

from templatesvc.api.resources import ResourceViewSet
from tests.films.serializers import FilmSerializer, ScreeningSerializer


class FilmViewSet(ResourceViewSet):
    """Your films."""

    serializer_class = FilmSerializer
    filter_fields = ("director", "year", "tags")
    search_fields = ("title", "director")
    ordering_fields = ("created_at", "title", "year")


class ScreeningViewSet(ResourceViewSet):
    """Your screenings."""

    serializer_class = ScreeningSerializer
    filter_fields = ("state", "day", "price", "is_public", "numbers")
    search_fields = ("code",)
    ordering_fields = ("created_at", "day", "price", "state")

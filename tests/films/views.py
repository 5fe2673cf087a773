"""Films, genres and specimens under ``/api/v1/``."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.permissions import AllowAny

from accounts.resources.views import SharedViewSet
from templatesvc.api.resources import ResourceViewSet
from tests.films.serializers import FilmSerializer, GenreSerializer, SpecimenSerializer


class FilmViewSet(ResourceViewSet):
    """Your films."""

    serializer_class = FilmSerializer
    filter_fields = ("director", "year", "tags")
    search_fields = ("title", "director")
    ordering_fields = ("created_at", "title", "year")


class GenreViewSet(SharedViewSet):
    """The genres of films."""

    serializer_class = GenreSerializer
    permission_classes: ClassVar = [AllowAny]  # who read it
    filter_fields = ("since",)
    search_fields = ("label",)
    ordering_fields = ("created_at", "label", "since")


class SpecimenViewSet(ResourceViewSet):
    """Your specimens."""

    serializer_class = SpecimenSerializer
    filter_fields = ("state", "born_on", "price", "is_public", "counts", "measures", "anything")
    search_fields = ("label", "measures")
    ordering_fields = ("created_at", "born_on", "price", "state", "kingdom")

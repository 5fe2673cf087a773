"""Films as they come in and go out."""

from __future__ import annotations

from templatesvc.api.documents import DocumentSerializer
from tests.films.documents import Film


class FilmSerializer(DocumentSerializer):
    class Meta:
        document = Film
        fields = ("title", "director", "year", "tags")
        example = {"title": "M", "director": "Lang", "year": 1931, "tags": ["crime"]}

"""Films, genres and specimens as they come in and go out."""

from __future__ import annotations

from templatesvc.api.documents import DocumentSerializer
from tests.films.documents import Film, Genre, Specimen


class FilmSerializer(DocumentSerializer):
    class Meta:
        document = Film
        fields = ("title", "director", "year", "tags")
        example = {"title": "M", "director": "Lang", "year": 1931, "tags": ["crime"]}


class GenreSerializer(DocumentSerializer):
    class Meta:
        document = Genre
        fields = ("label", "since")
        example = {"label": "Western", "since": 1903}


class SpecimenSerializer(DocumentSerializer):
    class Meta:
        document = Specimen
        fields = Specimen.own_fields
        extra_kwargs = {"price": {"decimal_places": 2}}
        example = {
            "label": "M-1",
            "notes": "two\nlines",
            "kingdom": "animal",
            "stage": 2,
            "legs": 4,
            "mass": 4.5,
            "price": "12.50",
            "is_rare": True,
            "is_alive": True,
            "seen_at": "2026-01-31T20:00:00.000Z",
            "born_on": "2026-01-31",
            "parent": "697df2c0a1b2c3d4e5f60718",
            "page": "https://example.org/m",
            "tags": ["red"],
            "counts": [1, 2],
            "anything": [1, None, "x"],
            "measures": {"seen": {"by": ["ada"]}},
            "raw": "x",
            "finder": {"name": "Large", "found_at": "2026-01-31T20:00:00.000Z", "floor": 1},
            "others": [{"name": "Small", "found_at": None, "floor": None}],
            "seats": 120,
            "state": "open",
            "is_public": True,
            "contact": "hall@example.org",
            "ticket": "0f8fad5b-d9cb-469f-a165-70867728950e",
        }

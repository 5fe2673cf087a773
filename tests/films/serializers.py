"""Films and screenings as they come in and go out."""

from __future__ import annotations

from templatesvc.api.documents import DocumentSerializer
from tests.films.documents import Film, Screening


class FilmSerializer(DocumentSerializer):
    class Meta:
        document = Film
        fields = ("title", "director", "year", "tags")
        example = {"title": "M", "director": "Lang", "year": 1931, "tags": ["crime"]}


class ScreeningSerializer(DocumentSerializer):
    class Meta:
        document = Screening
        fields = Screening.own_fields
        extra_kwargs = {"price": {"decimal_places": 2}}
        example = {
            "code": "M-1",
            "day": "2026-01-31",
            "starts_at": "2026-01-31T20:00:00.000Z",
            "price": "12.50",
            "state": "open",
            "seats": 120,
            "rating": 4.5,
            "is_public": True,
            "contact": "hall@example.org",
            "link": "https://example.org/m",
            "hall": {"name": "Large", "floor": 1},
            "others": [{"name": "Small", "floor": None}],
            "numbers": [1, 2],
            "film_id": "697df2c0a1b2c3d4e5f60718",
            "ticket": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "notes": {"seen": {"by": ["ada"]}},
            "anything": [1, None, "x"],
        }

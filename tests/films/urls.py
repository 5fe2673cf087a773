"""The routes of films and screenings."""

from __future__ import annotations

from templatesvc.api.routers import router
from tests.films.views import FilmViewSet, ScreeningViewSet

router.register("films", FilmViewSet)
router.register("screenings", ScreeningViewSet)

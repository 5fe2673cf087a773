"""The routes of films."""

from __future__ import annotations

from templatesvc.api.routers import router
from tests.films.views import FilmViewSet

router.register("films", FilmViewSet)

"""The routes of films, genres and specimens."""

from __future__ import annotations

from templatesvc.api.routers import router
from tests.films.views import FilmViewSet, GenreViewSet, SpecimenViewSet

router.register("films", FilmViewSet)
router.register("genres", GenreViewSet)
router.register("specimens", SpecimenViewSet)

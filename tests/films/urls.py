"""The routes of films and specimens."""

from __future__ import annotations

from templatesvc.api.routers import router
from tests.films.views import FilmViewSet, SpecimenViewSet

router.register("films", FilmViewSet)
router.register("specimens", SpecimenViewSet)

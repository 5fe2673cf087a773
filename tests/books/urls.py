"""The routes of books."""

from __future__ import annotations

from templatesvc.api.routers import router
from tests.books.views import BookViewSet

router.register("books", BookViewSet)

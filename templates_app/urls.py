"""The routes of templates."""

from __future__ import annotations

from templates_app.views import TemplateViewSet
from templatesvc.api.routers import router

router.register("templates", TemplateViewSet)

"""The routes of templates."""

from __future__ import annotations

from templates_app import views
from templates_app.flask import views as flask_views
from templatesvc.api.routers import path, router

flask_urlpatterns = [
    path("create", flask_views.CreateView, name="flask-create"),
    path("get", flask_views.GetView, name="flask-get"),
    path("update", flask_views.UpdateView, name="flask-update"),
    path("delete", flask_views.DeleteView, name="flask-delete"),
]

router.register("templates", views.TemplateViewSet)

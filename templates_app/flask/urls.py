"""The Flask service's routes for templates."""

from __future__ import annotations

from templates_app.flask import views
from templatesvc.api.routers import path

urlpatterns = [
    path("create", views.CreateView, name="flask-create"),
    path("get", views.GetView, name="flask-get"),
    path("update", views.UpdateView, name="flask-update"),
    path("delete", views.DeleteView, name="flask-delete"),
]

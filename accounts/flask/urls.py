"""The Flask service's routes for accounts."""

from __future__ import annotations

from django.urls import re_path

from accounts import operator_views
from accounts.flask import views
from templatesvc.api.routers import by_method, path

urlpatterns = [
    path("", views.HelloView, name="flask-hello"),
    # The Flask service's route, and the operators' route of the same path.
    re_path(
        r"^api/v1/users/?$",
        by_method(views.RegisterView, GET=operator_views.UserListView),
        name="flask-users",
    ),
    path("api/v1/login", views.LoginView, name="flask-login"),
]

"""The routes of accounts."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView as PageLogoutView
from django.urls import re_path

from accounts import entry_views, operator_views, views
from templatesvc.api.routers import by_method, path

api_urlpatterns = [
    re_path(
        r"^users/?$",
        by_method(entry_views.RegisterView, GET=operator_views.UserListView),
        name="users",
    ),
    path("login", entry_views.LoginView, name="log-in"),
    path("users/me", views.MeView, name="users/me"),
    path("users/me/password", views.PasswordView, name="users/me/password"),
    path("users/(?P<pk>[^/]+)", operator_views.UserView, name="user"),
    path("users/(?P<pk>[^/]+)/quota", operator_views.QuotaView, name="user/quota"),
    path("token/refresh", views.RefreshView, name="token/refresh"),
    path("token/verify", views.VerifyView, name="token/verify"),
    path("logout", views.LogoutView, name="logout"),
    path("logout/all", views.LogoutAllView, name="logout/all"),
    path("sessions", views.SessionListView, name="sessions"),
    path("sessions/(?P<pk>[^/]+)", views.SessionView, name="session"),
]

well_known_urlpatterns = [
    path(r"\.well-known/jwks\.json", views.JWKSView, name="jwks"),
]

page_urlpatterns = [
    path(
        "login",
        entry_views.LoginPageView,
        name="login",
    ),
    path("logout", PageLogoutView, name="logout"),
    path("register", entry_views.RegistrationPageView, name="register"),
]

"""The table of contents: every path, with and without a final slash."""

from __future__ import annotations

from django.urls import include, re_path

import accounts.urls
from templatesvc.admin import site
from templatesvc.api.routers import path, router
from templatesvc.api.views import DocsView, ProblemTypeListView, ProblemTypeView, SchemaView
from templatesvc.apps import resource_apps
from templatesvc.ops.health import LivezView, ReadyzView
from templatesvc.ops.metrics import MetricsView

for app in resource_apps():
    app.load("urls")

# Django tries them in order, so the most requested come first.
api_urlpatterns = [
    *router.urls,
    *accounts.urls.api_urlpatterns,
    path("schema", SchemaView, name="schema"),
    path("docs", DocsView, name="docs"),
]

root_view = router.root_view(
    "users",
    "users/me",
    "users/me/password",
    "token/refresh",
    "token/verify",
    "logout",
    "logout/all",
    "sessions",
    "schema",
    "docs",
)

urlpatterns = [
    re_path("", include("accounts.flask.urls")),  # before ours: it answers two of our paths
    re_path(r"^api/v1/", include(api_urlpatterns)),
    re_path(r"^api/v1/?$", root_view, name="api-root"),
    re_path("", include("templates_app.flask.urls")),
    re_path(r"^api-auth/", include((accounts.urls.page_urlpatterns, "rest_framework"))),
    re_path(r"^admin$", site.page(site.index)),
    re_path(r"^admin/", site.urls),
    *accounts.urls.well_known_urlpatterns,
    path("problems", ProblemTypeListView, name="problems"),
    path("problems/(?P<code>[a-z_]+)", ProblemTypeView, name="problem"),
    path("livez", LivezView, name="livez"),
    path("readyz", ReadyzView, name="readyz"),
    path("metrics", MetricsView, name="metrics"),
]

handler400 = "templatesvc.api.problems.bad_request"
handler403 = "templatesvc.api.problems.permission_denied"
handler404 = "templatesvc.api.problems.not_found"
handler500 = "templatesvc.api.problems.server_error"

"""The REST router: paths with and without a final slash, and a root that lists them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import URLPattern, re_path
from django.views import View
from drf_spectacular.utils import extend_schema
from rest_framework import permissions, routers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api.http import allow, methods
from templatesvc.api.links import url_of
from templatesvc.api.schema import AutoSchema


class ServiceRoot(routers.APIRootView):
    """The REST routes of this service. Most need a log-in: by a token, or in this browser."""

    permission_classes = [permissions.AllowAny]
    schema = AutoSchema()  # DRF leaves its root out of the schema

    @extend_schema(
        operation_id="get_root",
        responses={"200": {"type": "object", "additionalProperties": {"type": "string"}}},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the REST routes."""
        return Response({path: url_of(name, request) for path, name in self.api_root_dict.items()})

    def get_view_name(self) -> str:
        return str(settings.SERVICE_NAME)


class Router(routers.DefaultRouter):
    """DRF's, with a root that lists other views as well as viewsets."""

    APIRootView = ServiceRoot
    include_root_view = False  # urls.py mounts it, with and without a final slash
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"

    def get_default_basename(self, viewset: Any) -> str:
        """Return the name of the viewset's document, after which its routes are named."""
        return str(viewset.names.slug)

    def root_view(self, *names: str) -> Any:
        """Return the view that lists the viewsets and the named views by their paths."""
        listed = {prefix: f"{basename}-list" for prefix, _, basename in self.registry}
        return self.APIRootView.as_view(api_root_dict=listed | {name: name for name in names})


# The service's router: the urls.py of each app registers its viewsets here.
router = Router()


def by_method(default: type[APIView], **views: type[APIView]) -> Any:
    """Combine views into one: ``GET=view`` answers that method, and the default all others."""
    callbacks = {method: view.as_view() for method, view in views.items()}
    others = default.as_view()

    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        method = "GET" if request.method == "HEAD" else request.method
        response = callbacks.get(str(method), others)(request, *args, **kwargs)
        response["Allow"] = allow(view)  # each view knows only its own methods
        return response

    view.cls, view.by_method = default, callbacks  # type: ignore[attr-defined]
    view.initkwargs = {}  # type: ignore[attr-defined]
    view.csrf_exempt = True  # type: ignore[attr-defined]  # as DRF's are: it checks by itself
    # What the schema takes for the methods of a path.
    view.actions = {name.lower(): name.lower() for name in [*views, *methods(others)]}  # type: ignore[attr-defined]
    return view


def path(route: str, view: type[View], name: str, **initkwargs: Any) -> URLPattern:
    """Return the URL pattern of a route, with and without a final slash."""
    return re_path(rf"^{route}/?$", view.as_view(**initkwargs), name=name)

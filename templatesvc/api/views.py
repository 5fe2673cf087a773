"""Routes of no app: the schema, its documentation, and the types of problems."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from django.utils.cache import get_conditional_response
from drf_spectacular.renderers import OpenApiYamlRenderer2
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from templatesvc.api.problem_types import ProblemType, problem_types
from templatesvc.api.renderers import JSONRenderer, PageRenderer
from templatesvc.api.serializers import ProblemTypeListSerializer, ProblemTypeSerializer

# drf-spectacular loads parts of itself with its first schema, and fails in two threads at once.
_making_schema = Lock()


class OpenView(APIView):
    """A view for everybody, which does not ask who is calling."""

    authentication_classes: list[type[BaseAuthentication]] = []
    permission_classes: list[type[BasePermission]] = []


class SchemaView(OpenView, SpectacularAPIView):
    """What this service can do, in OpenAPI's terms."""

    # JSON first, for errors and for clients that accept anything.
    renderer_classes = [JSONRenderer, OpenApiYamlRenderer2]

    @extend_schema(operation_id="get_schema", responses={200: OpenApiTypes.OBJECT, 304: None})
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase | None:
        """Read the OpenAPI schema of this service."""
        renderer: Any = type(request.accepted_renderer)
        with _making_schema:
            content, etag = _written_schema(renderer, get_script_prefix())
        response = HttpResponse(content, content_type=request.accepted_renderer.media_type)
        response["Cache-Control"] = "no-cache"  # kept, and asked for by its ETag each time
        response["ETag"] = etag
        return get_conditional_response(request, etag, response=response)


@lru_cache(maxsize=8)  # prefixes are what trusted proxies send
def _written_schema(renderer: Any, prefix: str) -> tuple[bytes, str]:
    """Return the schema under a prefix of paths, and its entity tag: made once a process."""
    schema = SchemaView.generator_class().get_schema(request=None, public=True)
    content = renderer().render(schema, renderer_context={})
    return content, f'"{sha256(content).hexdigest()[:32]}"'


class DocsView(OpenView, SpectacularSwaggerSplitView):
    """Swagger UI, with the notices that every page has."""

    renderer_classes = [PageRenderer]
    url_name = "schema"


class ProblemTypeListView(OpenView):
    """Everything that can go wrong."""

    renderer_classes = [JSONRenderer, PageRenderer]

    @extend_schema(operation_id="list_problem_types", responses=ProblemTypeListSerializer)
    def get(self, request: Request) -> Response:
        """List the types of problems that errors name."""
        found = list(problem_types().values())
        if request.accepted_renderer.format == PageRenderer.format:
            return page("Problem types", found)
        return Response(ProblemTypeListSerializer({"results": found}).data)


class ProblemTypeView(OpenView):
    """What a type of problem means and what to do about it: where the URI of the type leads."""

    renderer_classes = [JSONRenderer, PageRenderer]

    @extend_schema(operation_id="get_problem_type", responses=ProblemTypeSerializer)
    def get(self, request: Request, code: str) -> Response:
        """Read what a type of problem means, and what to do about it."""
        found = problem_types().get(code)
        if found is None:
            raise Http404
        if request.accepted_renderer.format == PageRenderer.format:
            return page(found.title, [found])
        return Response(ProblemTypeSerializer(found).data)


def page(title: str, found: list[ProblemType]) -> Response:
    """Return problem types as a page for people."""
    return Response({"title": title, "problems": found}, template_name="problem_types.html")

"""The Flask service's four routes for templates.

While that service runs on the same database, they store documents as it does, because its
``GET /get`` shows all fields.
"""

from __future__ import annotations

from itertools import chain

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import JWTAuthentication
from accounts.flask.schema import MessageSerializer
from accounts.flask.views import FlaskView, msg
from templates_app.documents import Template
from templates_app.exceptions import TemplateExists
from templates_app.flask.serializers import (
    FlaskDeleteSerializer,
    FlaskTemplateListSerializer,
    FlaskTemplateSerializer,
    FlaskUpdateSerializer,
    entry_as_json,
)
from templatesvc.api.exceptions import QuotaExceeded, conflict_as
from templatesvc.api.parsers import JSONParser
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.schema import raises
from templatesvc.api.streams import as_list, streamed
from templatesvc.mongo.values import MAX_DOCUMENT_SIZE


class TemplateNotThere(NotFound):
    """404: there is no template of the value that a Flask route names."""

    default_detail = "Template not exists on your profile"


class TemplateFlaskView(FlaskView):
    """A route of the Flask service that takes a bearer token, and no cookie."""

    authentication_classes = [JWTAuthentication]


class StoredJSONParser(JSONParser):
    """JSON that names a value which the Flask service may have stored: of a document's size."""

    largest_value = MAX_DOCUMENT_SIZE


class CreateView(TemplateFlaskView):
    """``POST /create``: creates a template."""

    @raises(TemplateExists, QuotaExceeded)
    @extend_schema(
        operation_id="flask_create",
        request=FlaskTemplateSerializer,
        responses={200: MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a template."""
        serializer = FlaskTemplateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        value = serializer.validated_data["template"]
        owner = request.user.username
        with conflict_as(TemplateExists, Template.names):
            if settings.FLASK_SIDE_BY_SIDE:
                Template.create_as_flask(owner, value)
            else:
                Template.create(owner, {"template": value})
        return msg("Template created successfully")


class GetView(TemplateFlaskView):
    """``GET /get``: lists the templates."""

    @extend_schema(operation_id="flask_get", responses=FlaskTemplateListSerializer)
    def get(self, request: Request) -> HttpResponseBase:
        """List all your templates, oldest first."""
        templates = Template.objects.of(request.user.username).walk("created_at", descending=False)
        documents = as_list(map(entry_as_json, templates))
        return streamed(chain([b'{"docs":'], documents, [b"}"]), JSONRenderer.media_type)


class UpdateView(TemplateFlaskView):
    """``POST /update``: replaces the template of one value by another."""

    parser_classes = [StoredJSONParser]

    @raises(TemplateNotThere, TemplateExists, QuotaExceeded)
    @extend_schema(
        operation_id="flask_update",
        request=FlaskUpdateSerializer,
        responses={200: MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        """Change the value of the template that has the old value."""
        serializer = FlaskUpdateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        old, new = (serializer.validated_data[f"{age}_template"] for age in ("old", "new"))
        named = Template.objects.of(request.user.username).filter(template=old)
        with conflict_as(TemplateExists, Template.names):
            if settings.FLASK_SIDE_BY_SIDE:
                found = named.replace_as_flask(new)
            else:
                found = named.replace({"template": new})
        if not found:
            raise TemplateNotThere()
        return msg("Template Updated successfully")


class DeleteView(TemplateFlaskView):
    """``POST /delete``: deletes the template of a value."""

    parser_classes = [StoredJSONParser]

    @raises(TemplateNotThere)
    @extend_schema(
        operation_id="flask_delete",
        request=FlaskDeleteSerializer,
        responses={200: MessageSerializer},
    )
    def post(self, request: Request) -> Response:
        """Delete the template that has this value."""
        serializer = FlaskDeleteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        value = serializer.validated_data["template"]
        if not Template.objects.of(request.user.username).filter(template=value).remove():
            raise TemplateNotThere()
        return msg("Template Deleted Sucessfully")

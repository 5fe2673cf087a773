"""Templates under ``/api/v1/``, as DRF people expect them."""

from __future__ import annotations

from bson import ObjectId
from django.http import Http404
from drf_spectacular.utils import extend_schema
from mongoengine.errors import NotUniqueError
from rest_framework import status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from templates_app.documents import Template, TemplateQuerySet
from templates_app.exceptions import TemplateExists
from templates_app.serializers import TemplateSerializer
from templatesvc.pagination import KeysetPagination


class TemplateViewSet(viewsets.GenericViewSet):
    """Your templates: each a text or a JSON object that only you can see and change."""

    serializer_class = TemplateSerializer
    pagination_class = KeysetPagination
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> TemplateQuerySet:
        return Template.objects.of(self.request.user)

    def found(self) -> TemplateQuerySet:
        """Return the query of the template that the URL names, if it is the caller's."""
        if not ObjectId.is_valid(self.kwargs["pk"]):
            raise Http404
        return self.get_queryset().filter(id=ObjectId(self.kwargs["pk"]))

    def get_object(self) -> Template:
        template = self.found().first()
        if template is None:
            raise Http404
        return template

    @extend_schema(operation_id="list_templates")
    def list(self, request: Request) -> Response:
        """List your templates, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(operation_id="create_template")
    def create(self, request: Request) -> Response:
        """Keep a new template."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            template = Template.create(request.user, serializer.validated_data["template"])
        except NotUniqueError as error:
            raise TemplateExists() from error
        data = self.get_serializer(template).data
        return Response(data, status.HTTP_201_CREATED, headers={"Location": data["url"]})

    @extend_schema(operation_id="get_template")
    def retrieve(self, request: Request, pk: str) -> Response:
        """Read one of your templates."""
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(operation_id="replace_template")
    def update(self, request: Request, pk: str, partial: bool = False) -> Response:
        """Replace one of your templates."""
        serializer = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        if not serializer.validated_data:
            return self.retrieve(request, pk)
        try:
            template = self.found().replace(serializer.validated_data["template"])
        except NotUniqueError as error:
            raise TemplateExists() from error
        if template is None:
            raise Http404
        return Response(self.get_serializer(template).data)

    @extend_schema(operation_id="update_template")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Replace the fields of one of your templates that are given."""
        return self.update(request, pk, partial=True)

    @extend_schema(operation_id="delete_template")
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one of your templates."""
        if not self.found().delete_first():
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)

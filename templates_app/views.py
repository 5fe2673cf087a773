"""Templates under ``/api/v1/``, as DRF people expect them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bson import ObjectId
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from mongoengine.errors import NotUniqueError
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from templates_app.conditions import Preconditions
from templates_app.documents import Template, TemplateVersion
from templates_app.exceptions import PreconditionFailed, PreconditionRequired, TemplateExists
from templates_app.filters import TemplateFilter
from templates_app.parsers import MergePatchParser, NDJSONParser, merged
from templates_app.querysets import TemplateQuerySet
from templates_app.renderers import NDJSONRenderer
from templates_app.schema import (
    CONDITIONS,
    ETAG,
    FILE_NAME,
    ID,
    IDEMPOTENCY,
    LINK,
    LOCATION,
    NUMBER,
)
from templates_app.serializers import (
    DeletedTemplateSerializer,
    FullTemplateVersionSerializer,
    ImportResultSerializer,
    MergePatchSerializer,
    RestoreSerializer,
    TemplateSerializer,
    TemplateVersionListSerializer,
)
from templates_app.transfer import IMPORT_TURN, IMPORT_WAIT, Import, exported
from templatesvc.api.deletion import deletion_answer
from templatesvc.api.exceptions import Conflict, QuotaExceeded
from templatesvc.api.filters import check_parameters
from templatesvc.api.idempotency import (
    AnswerNotKept,
    IdempotentRequest,
    KeyInUse,
    KeyReused,
    idempotent,
)
from templatesvc.api.pagination import KeysetPagination
from templatesvc.api.parsers import FormParser, JSONParser, MultiPartParser
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.schema import raises
from templatesvc.api.streams import streamed
from templatesvc.api.turns import ImportInProgress, SearchInProgress, alone
from templatesvc.mongo import batches
from templatesvc.mongo.documents import new_id, now
from templatesvc.mongo.quota import Amount, Usage

# How often a write is tried because somebody else wrote in between.
TRIES = 5


class DeletedTemplatePagination(KeysetPagination):
    """Pages of deleted templates."""

    orderings = ["-deleted_at", "deleted_at"]


class TemplateViewSet(viewsets.GenericViewSet):
    """Your templates: each a text or a JSON object that only you can see and change."""

    serializer_class = TemplateSerializer
    pagination_class = KeysetPagination
    filter_backends = [TemplateFilter]
    parser_classes = [JSONParser, MergePatchParser, FormParser, MultiPartParser]
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> TemplateQuerySet:
        return Template.objects.of(self.request.user)

    @property
    def template_id(self) -> ObjectId:
        """The id in the URL; raises Http404 for a text that is none."""
        if not ObjectId.is_valid(self.kwargs["pk"]):
            raise Http404
        return ObjectId(self.kwargs["pk"])

    def found(self) -> TemplateQuerySet:
        """Return the query of the template that the URL names, if it is the caller's."""
        return self.get_queryset().filter(id=self.template_id)

    def get_object(self) -> Template:
        template = self.found().first()
        if template is None:
            raise Http404
        return template

    def answer(self, template: Template, code: int = status.HTTP_200_OK) -> Response:
        """Return a template as an answer, with its entity tag."""
        data = self.get_serializer(template).data
        headers = {"ETag": template.etag}
        if code == status.HTTP_201_CREATED:
            headers["Location"] = data["url"]
        return Response(data, code, headers=headers)

    def value(self, data: Any) -> Any:
        """Return the value of a template given in full; raises ValidationError (400)."""
        serializer = TemplateSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data["template"]

    # --- The collection ----------------------------------------------------------------------

    @raises(SearchInProgress)
    @extend_schema(operation_id="list_templates", parameters=[LINK])
    def list(self, request: Request) -> Response:
        """List your templates, newest first, optionally filtered and searched."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @raises(TemplateExists, QuotaExceeded, KeyInUse, KeyReused)
    @extend_schema(operation_id="create_template", parameters=[*IDEMPOTENCY, ETAG, LOCATION])
    def create(self, request: Request) -> Response | HttpResponse:
        """Create a template."""
        return idempotent(self, request, self._create)

    def _create(self, first: IdempotentRequest | None) -> Response:
        value, id = self.value(self.request.data), ObjectId(first.seed) if first else None
        try:
            template = Template.create(self.request.user, value, id)
        except NotUniqueError as error:
            raise TemplateExists() from error
        return self.answer(template, status.HTTP_201_CREATED)

    # --- One template ------------------------------------------------------------------------

    @raises(PreconditionFailed)
    @extend_schema(
        operation_id="get_template",
        parameters=[ID, *CONDITIONS],
        responses={200: TemplateSerializer, 304: None},
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """Read one of your templates."""
        template, preconditions = self.get_object(), Preconditions.of(request)
        if preconditions.if_match is not None:
            preconditions._replace(if_none_match=None).check(template)
        # A page has more in it that changes: who is logged in, and a form's token.
        is_page = request.accepted_renderer.format == "api"
        if preconditions.is_known(template) and not is_page:
            answer = Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": template.etag})
        else:
            answer = self.answer(template)
        # A browser may keep it, but has to ask each time whether it still stands.
        answer["Cache-Control"] = "private, no-cache"
        return answer

    @raises(TemplateExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    @extend_schema(operation_id="replace_template", parameters=[ID, *CONDITIONS])
    def update(self, request: Request, pk: str) -> Response:
        """Replace the value of one of your templates."""
        return self._replace(self.value(request.data))

    def _replace(self, value: Any) -> Response:
        """Give the template a new value, if it is in the state that the request names."""
        if Preconditions.of_write(self.request).name_a_state:
            return self.answer(self._write(lambda found, _: replaced(found, value)))
        template = replaced(self.found(), value)
        if template is None:
            raise Http404
        return self.answer(template)

    def _write(self, write: Callable[[TemplateQuerySet, Template], Any]) -> Any:
        """Look at the template, compare, and do a write which finds it only as it was seen.

        If somebody else wrote in between, all of it is done again: what stands now may or may not
        be what the request names. Raises Http404, PreconditionFailed (412), and Conflict (409) if
        others keep writing.
        """
        preconditions = Preconditions.of_write(self.request)
        for _ in range(TRIES):
            seen = self.get_object()
            preconditions.check(seen)
            if result := write(self.found().as_seen(seen), seen):
                return result
        raise Conflict("Others keep changing this template. Try again.")

    @raises(TemplateExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    @extend_schema(
        operation_id="update_template",
        parameters=[ID, *CONDITIONS],
        request={
            "application/json": TemplateSerializer,
            "application/merge-patch+json": MergePatchSerializer,
        },
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Replace the fields that are given or, with a merge patch (RFC 7396), merge into them."""
        is_merge = is_merge_patch(request)
        kind = MergePatchSerializer if is_merge else TemplateSerializer
        serializer = kind(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        if "template" in serializer.validated_data:
            value = serializer.validated_data["template"]
            return self._merge(value) if is_merge else self._replace(value)
        template = self.get_object()
        Preconditions.of_write(request).check(template)
        return self.answer(template)

    def _merge(self, patch: Any) -> Response:
        """Merge a patch into the state that is read, and write if it is still that state."""

        def write(found: TemplateQuerySet, seen: Template) -> Template | None:
            patched = merged({"template": seen.template}, {"template": patch})
            return replaced(found, self.value(patched))

        return self.answer(self._write(write))

    @raises(PreconditionFailed, PreconditionRequired, Conflict)
    @extend_schema(operation_id="delete_template", parameters=[ID, *CONDITIONS])
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one of your templates. It can be restored for some time."""
        if Preconditions.of_write(request).name_a_state:
            self._write(lambda found, _: found.remove())
        elif not self.found().remove():
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)

    # --- History -----------------------------------------------------------------------------

    @extend_schema(
        operation_id="list_template_versions",
        parameters=[ID],
        responses=TemplateVersionListSerializer,
    )
    @action(detail=True, filter_backends=[], pagination_class=None)
    def versions(self, request: Request, pk: str) -> Response:
        """List the earlier versions of a template, newest first, without their values."""
        versions = TemplateVersion.of(request.user, self.template_id).order_by("-version")
        found = list(versions.exclude("template"))
        if not found:
            self.get_object()
        context = self.get_serializer_context()
        return Response(TemplateVersionListSerializer({"results": found}, context=context).data)

    @extend_schema(
        operation_id="get_template_version",
        responses=FullTemplateVersionSerializer,
        parameters=[ID, NUMBER],
    )
    # Of as many digits as MAX_VERSION has.
    @action(detail=True, url_path="versions/(?P<number>[0-9]{1,18})", url_name="version")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """Read an earlier version of a template."""
        version = self._old_version(int(number))
        context = self.get_serializer_context()
        return Response(FullTemplateVersionSerializer(version, context=context).data)

    def _old_version(self, number: int) -> TemplateVersion:
        versions = TemplateVersion.of(self.request.user, self.template_id)
        version = versions.filter(version=number).first()
        if version is None:
            raise Http404
        return version

    @raises(TemplateExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    @extend_schema(
        operation_id="restore_template",
        request=RestoreSerializer,
        responses={200: TemplateSerializer, 201: TemplateSerializer},
        parameters=[ID, *CONDITIONS, LOCATION],
    )
    @action(detail=True, methods=["post"], serializer_class=RestoreSerializer)
    def restore(self, request: Request, pk: str) -> Response:
        """Restore an earlier version as a new version (200), or restore a deleted template (201).

        A deleted template keeps its id.
        """
        serializer = RestoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = self._old_version(serializer.validated_data["version"])
        self.serializer_class = TemplateSerializer
        if self.found().first() is not None:
            return self._replace(version.template)
        if Preconditions.of(request).if_match is not None:
            raise PreconditionFailed()  # it has no state now that could match
        try:
            return self.answer(version.restore(request.user), status.HTTP_201_CREATED)
        except NotUniqueError as error:
            raise TemplateExists() from error

    @extend_schema(
        operation_id="list_deleted_templates",
        responses=DeletedTemplateSerializer(many=True),
        parameters=[LINK],
    )
    @action(
        detail=False,
        filter_backends=[],
        pagination_class=DeletedTemplatePagination,
        serializer_class=DeletedTemplateSerializer,
    )
    def deleted(self, request: Request) -> Response:
        """List the deleted templates that can be restored, the last deleted first."""
        check_parameters(request, self.paginator.parameters | {"format"})
        deleted = TemplateVersion.deleted_of(request.user).exclude("template")
        page = self.paginate_queryset(deleted)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(operation_id="forget_deleted_templates", responses={204: None, 202: None})
    @deleted.mapping.delete
    def forget_deleted(self, request: Request) -> Response:
        """Delete the deleted templates for good, with all their versions, to make room.

        If there is much to delete, the answer is 202: send the same request again to go on.
        """
        is_finished = batches.finish([partial(TemplateVersion.forget_deleted, request.user)])
        Usage.outdate(request.user.username)
        return deletion_answer(is_finished)

    # --- Taking it along ---------------------------------------------------------------------

    @raises(ValidationError)
    @extend_schema(
        operation_id="export_templates",
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY},
        parameters=[FILE_NAME],
        filters=False,
    )
    @action(
        detail=False,
        url_path="export",
        renderer_classes=[NDJSONRenderer, JSONRenderer],
        filter_backends=[],
        pagination_class=None,
    )
    def export(self, request: Request) -> HttpResponseBase:
        """Export all your templates, oldest first, as one JSON object per line."""
        check_parameters(request, {"format"})
        return streamed(exported(request.user), NDJSONRenderer.media_type, "templates.ndjson")

    @raises(KeyInUse, KeyReused, AnswerNotKept, ImportInProgress, QuotaExceeded)
    @extend_schema(
        operation_id="import_templates",
        request={"application/x-ndjson": OpenApiTypes.BINARY},
        responses=ImportResultSerializer,
        parameters=[
            OpenApiParameter(
                "mode",
                enum=["skip", "replace"],
                default="skip",
                description="What to do with templates that exist already.",
            ),
            *IDEMPOTENCY,
        ],
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        url_name="import",
        parser_classes=[NDJSONParser],
        renderer_classes=[JSONRenderer],
        filter_backends=[],
        pagination_class=None,
    )
    def import_(self, request: Request) -> Response | HttpResponse:
        """Import templates in the format of the export, and report the result of each line."""
        check_parameters(request, {"mode", "format"})
        mode = request.query_params.get("mode", "skip")
        if mode not in ("skip", "replace"):
            raise ValidationError({"mode": "Give skip or replace."})

        def perform(first: IdempotentRequest | None) -> Response:
            importing = Import(request.user, mode, first.seed if first else str(new_id(now())))
            with alone(request.user, IMPORT_TURN, ImportInProgress(IMPORT_WAIT)) as prolong:
                holds = [prolong]
                if first:
                    holds.append(first.hold)
                    Usage.reserve(request.user.username, Amount())  # for the answer that is kept
                return Response(importing.run(request.data or b"", holds))

        return idempotent(self, request, perform)


def replaced(found: TemplateQuerySet, value: Any) -> Template | None:
    """Give the template found a new value; raises TemplateExists (409)."""
    try:
        return found.replace(value)
    except NotUniqueError as error:
        raise TemplateExists() from error


def is_merge_patch(request: Request) -> bool:
    return bool(
        request.content_type.partition(";")[0].strip().lower() == MergePatchParser.media_type
    )

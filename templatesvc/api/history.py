"""The history of owned documents: their versions, and those that were deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404
from mongoengine.errors import NotUniqueError
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from templatesvc.api.conditions import PreconditionFailed, PreconditionRequired, Preconditions
from templatesvc.api.deletion import deletion_answer
from templatesvc.api.documents import RestoreSerializer, companions
from templatesvc.api.exceptions import AlreadyExists, Conflict, QuotaExceeded
from templatesvc.api.filters import check_parameters
from templatesvc.api.schema import raises
from templatesvc.api.viewsets import OwnedViewSet
from templatesvc.mongo import batches
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.quota import Usage


class HistoryMixin(OwnedViewSet):
    """Versions of a document, and what was deleted: to read, to restore, to forget."""

    def get_serializer_class(self) -> Any:
        own = companions(self.resource_serializer)
        return {
            "versions": own.version,
            "version": own.full_version,
            "deleted": own.deleted,
            "restore": RestoreSerializer,
        }.get(self.action or "") or super().get_serializer_class()

    def old_versions(self) -> Any:
        """Return the query of the versions of the document that the URL names."""
        return self.document.Version.of(self.request.user.get_username(), self.document_id)

    def old_version(self, number: int) -> DocumentVersion:
        """Return one of them; raises Http404."""
        version = self.old_versions().filter(version=number).first()
        if version is None:
            raise Http404
        return version

    @action(detail=True, filter_backends=[], pagination_class=None)
    def versions(self, request: Request, pk: str) -> Response:
        """List the earlier versions of {a}, newest first, without their values."""
        # Few at a time: some servers read whole documents before they give the first field.
        found = self.old_versions().exclude(*self.document.own_fields)
        walked = found.walk("version", descending=True, most=settings.HISTORY_VERSIONS)
        rows = self.get_serializer(list(walked), many=True).data
        if not rows:
            self.get_object()
        return Response({"results": rows})

    # Of as many digits as MAX_VERSION has.
    @action(detail=True, url_path="versions/(?P<number>[0-9]{1,18})", url_name="version")
    def version(self, request: Request, pk: str, number: str) -> Response:
        """Read an earlier version of {a}."""
        return Response(self.get_serializer(self.old_version(int(number))).data)

    @raises(AlreadyExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Restore an earlier version as a new version (200), or restore a deleted {name} (201).

        A deleted {name} keeps its id.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        version = self.old_version(serializer.validated_data["version"])
        if self.found().first() is not None:
            return self.replace(version.own_values)
        if Preconditions.of(request).if_match is not None:
            raise PreconditionFailed(names=self.names)  # it has no state now that could match
        try:
            return self.answer(version.restore(), status.HTTP_201_CREATED)
        except NotUniqueError as error:
            raise self.exists() from error

    @action(
        detail=False, filter_backends=[], ordering_fields=["deleted_at"], ordering="-deleted_at"
    )
    def deleted(self, request: Request) -> Response:
        """List the deleted {names} that can be restored, the last deleted first."""
        check_parameters(request, self.paginator.parameters | {"format"})
        found = self.document.Version.deleted_of(request.user.get_username())
        page = self.paginate_queryset(found.exclude(*self.document.own_fields))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @deleted.mapping.delete
    def forget_deleted(self, request: Request) -> Response:
        """Delete the deleted {names} for good, with all their versions, to make room.

        If there is much to delete, the answer is 202: send the same request again to go on.
        """
        owner = request.user.get_username()
        is_finished = batches.finish([partial(self.document.Version.forget_deleted, owner)])
        Usage.outdate(owner)
        return deletion_answer(is_finished)

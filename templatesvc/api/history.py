"""The history of a resource's documents: their versions, and those that were deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from templatesvc.api import excerpts
from templatesvc.api.answers import deletion_answer
from templatesvc.api.companions import RestoreSerializer, companions
from templatesvc.api.conditions import PreconditionFailed, PreconditionRequired, Preconditions
from templatesvc.api.exceptions import AlreadyExists, Conflict, QuotaExceeded
from templatesvc.api.links import url_of
from templatesvc.api.parameters import check_parameters
from templatesvc.api.schema import raises
from templatesvc.api.viewsets import DocumentViewSet
from templatesvc.mongo import batches
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.leases import lease_name
from templatesvc.mongo.quota import Usage
from templatesvc.mongo.resources import ResourceQuerySet
from templatesvc.mongo.walks import walk_by_id

RESTORED = "The {name} was restored."


class HistoryMixin(DocumentViewSet):
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
        self._check_permissions_of(version)
        return version

    def _check_permissions_of(self, version: DocumentVersion) -> None:
        """Check the permissions of the document or, if it was deleted, of this version of it."""
        if self.has_object_permissions:
            self.check_object_permissions(self.request, self.object_queryset().first() or version)

    def restore_version(self, found: ResourceQuerySet, version: DocumentVersion) -> Any:
        """Give the document found the values of a version; return it, or None if it is gone."""
        return self.replace_document(found, version.own_values)

    def forget_documents(self) -> bool:
        """Delete what is deleted for good; tell whether the time was enough for all of it."""
        owner = self.request.user.get_username()
        lease = lease_name(owner, work=f"forget_{self.names.slugs}")
        is_finished = batches.finish(lease, [partial(self.document.Version.forget_deleted, owner)])
        if self.names.is_owned:
            Usage.outdate(owner)
        return is_finished

    def restorable(self, response: Response, versions: list[Any], found: Any) -> Response:
        """Give an answer's page, if it has one, a button and an excerpt for each version."""
        if self.request.accepted_renderer.format != "api":
            return response
        slug, begins, size = self.names.slug, {}, 0
        for version in walk_by_id(found.filter(id__in=[each.id for each in versions])):
            begins[version.id] = excerpts.of_values(
                self.resource_serializer.own_representation(version)
            )
            size += version.stored_size
            if size > settings.MAX_PAGE_SIZE:
                break
        ids = {version.document_id for version in versions}
        own = self.document.objects.of(self.request.user.get_username())
        tags = {each.id: each.etag for each in walk_by_id(own.filter(id__in=ids))}
        response.restorable = []
        for version in versions:
            id, tag = version.document_id, tags.get(version.document_id)
            button = {
                "version": version,
                "begins": begins.get(version.id, ""),
                "url": url_of(f"{slug}-version", self.request, pk=id, number=version.version),
                "restore": url_of(f"{slug}-restore", self.request, pk=id),
                # So that nothing is overwritten that somebody changes while the page is open.
                "condition": ("If-Match", tag) if tag else ("If-None-Match", "*"),
            }
            response.restorable.append(button)
        return response

    @property
    def way_to_restore(self) -> tuple[str, str] | None:
        deleted = url_of(f"{self.names.slug}-deleted", self.request)
        return (self.names.fill("Deleted {names}"), deleted) if settings.HISTORY_VERSIONS else None

    def get_extra_action_url_map(self) -> dict[str, str]:
        """Return the links of a page, but for "restore": each version has a button for it."""
        links = super().get_extra_action_url_map()
        return {title: url for title, url in links.items() if not url.endswith("/restore")}

    @action(detail=True, filter_backends=[], pagination_class=None)
    def versions(self, request: Request, pk: str) -> Response:
        """List the earlier versions of {a}, newest first. Each has a URL, which shows all of it."""
        # Some servers read whole documents for one field of each, so ask for few at a time.
        found = self.old_versions().exclude(*self.document.own_fields)
        walked = found.walk("version", descending=True, limit=settings.HISTORY_VERSIONS)
        versions = list(walked)
        rows = self.get_serializer(versions, many=True).data
        if versions:
            self._check_permissions_of(versions[0])
        else:
            self.get_object()
        return self.restorable(Response({"results": rows}), versions, self.old_versions())

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
        if self.object_queryset().first() is not None:
            return self.write_and_answer(
                lambda found: self.restore_version(found, version), RESTORED
            )
        if Preconditions.of(request).if_match is not None:
            raise PreconditionFailed(names=self.names)  # it has no state that could match
        return self.answer(self.restore_document(version), status.HTTP_201_CREATED, RESTORED)

    @action(
        detail=False,
        filter_backends=[],
        ordering_fields=["deleted_at"],
        ordering="-deleted_at",
        deletion_template="rest_framework/forgetting.html",
        deletion_button="Delete all for good",
        name="Deleted {names}",
    )
    def deleted(self, request: Request) -> Response:
        """List the deleted {names} that can be restored, the last deleted first."""
        check_parameters(request, self.paginator.parameters | {"format"})
        found = self.document.Version.deleted_of(request.user.get_username())
        page = self.paginate_queryset(found.exclude(*self.document.own_fields)) or []
        response = self.get_paginated_response(self.get_serializer(page, many=True).data)
        return self.restorable(response, page, found)

    @deleted.mapping.delete
    def forget_deleted(self, request: Request) -> Response:
        """Delete the deleted {names} for good, with all their versions, to make room.

        If there is much to delete, the answer is 202: send the same request again to go on.
        """
        notice = self.names.fill("The deleted {names} were deleted for good.")
        return deletion_answer(self.forget_documents(), notice)

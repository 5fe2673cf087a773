"""The routes that export all documents of an owner as NDJSON, and import such lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.exceptions import QuotaExceeded
from templatesvc.api.idempotency import AnswerNotKept, idempotent
from templatesvc.api.idempotent_requests import IdempotentRequest, KeyInUse, KeyReused
from templatesvc.api.imports import Import
from templatesvc.api.ndjson import NDJSON, NDJSONParser, NDJSONRenderer
from templatesvc.api.notation import export_line
from templatesvc.api.pages import Choice
from templatesvc.api.parameters import check_parameters
from templatesvc.api.renderers import JSONRenderer
from templatesvc.api.schema import raises
from templatesvc.api.streams import streamed
from templatesvc.api.turns import ImportInProgress, one_at_a_time
from templatesvc.api.viewsets import DocumentViewSet
from templatesvc.mongo.amounts import Amount
from templatesvc.mongo.clock import now
from templatesvc.mongo.ids import new_id
from templatesvc.mongo.quota import Usage
from templatesvc.mongo.resources import ResourceDocument

# How long an import holds its owner's turn after its last batch, also if its worker died; and when
# somebody who was told to wait may try again.
IMPORT_TURN = timedelta(seconds=30)
IMPORT_WAIT = 5
MODE_CHOICE = Choice(
    "mode",
    "If it exists already",
    {"skip": "keep what is there", "replace": "replace it by what is in the file"},
)


class TransferMixin(DocumentViewSet):
    """All of an owner's documents as lines, and documents from such lines."""

    choices: ClassVar[Sequence[Choice]] = ()
    button = ""

    @raises(ValidationError)
    @action(
        detail=False,
        url_path="export",
        renderer_classes=[NDJSONRenderer, JSONRenderer],
        filter_backends=[],
        pagination_class=None,
    )
    def export(self, request: Request) -> HttpResponseBase:
        """Export all your {names}, oldest first, as one JSON object per line."""
        check_parameters(request, {"format"})
        lines = exported(request.user.get_username(), self.resource_serializer)
        return streamed(lines, NDJSON, f"{self.names.slugs}.ndjson")

    @raises(KeyInUse, KeyReused, AnswerNotKept, ImportInProgress, QuotaExceeded)
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        url_name="import",
        parser_classes=[NDJSONParser],
        name="Import",
        filter_backends=[],
        pagination_class=None,
        choices=[MODE_CHOICE],
        button="Import",
    )
    def import_(self, request: Request) -> Response | HttpResponse:
        """Import {names} in the format of the export, and report the result of each line."""
        check_parameters(request, {"mode", "format"})
        mode = request.query_params.get("mode", "skip")
        if mode not in MODE_CHOICE.values:
            raise ValidationError({"mode": "Give skip or replace."})

        def perform(first: IdempotentRequest | None) -> Response:
            seed = first.seed if first else str(new_id(now()))
            importing = Import(
                request.user,
                self.resource_serializer,
                mode,
                seed,
                found=self.get_queryset(),
                check=partial(self.check_object_permissions, request),
                context=self.get_serializer_context(),
            )
            with one_at_a_time(
                importing.owner, IMPORT_TURN, ImportInProgress(IMPORT_WAIT)
            ) as prolong:
                holds = [prolong]
                if first:
                    holds.append(first.hold)
                    # For the answer that is kept.
                    Usage.reserve(request.user.get_username(), Amount())
                return Response(importing.run(request.data or b"", holds))

        return idempotent(self, request, perform)


def exported(owner: str, serializer: type[DocumentSerializer]) -> Iterator[bytes]:
    """Return a line for each of an owner's documents, the oldest first, in constant memory."""

    def line(document: ResourceDocument) -> bytes:
        entry = {
            "id": str(document.id),
            **serializer.own_representation(document),
            "version": document.version,
            "created_at": document.created,
            "updated_at": document.updated,
        }
        return export_line(entry) + b"\n"

    found = serializer.Meta.document.objects.of(owner)
    return map(line, found.walk("created_at", descending=False))

"""Views of a resource's documents: create, list, read, replace, patch and delete, under conditions.

DRF's own ways work as people know them: ``get_queryset``, ``@action``, ``permission_classes``,
``validate_<field>`` in the serializer. What ``get_queryset`` leaves out is in no list, has no URL
and is replaced by no import; it is still in its owner's history and export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from bson import ObjectId
from django.http import Http404, HttpResponse
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from drf_spectacular.drainage import isolate_view_method
from rest_framework import status, viewsets
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from templatesvc.api.answers import Done
from templatesvc.api.companions import companions
from templatesvc.api.conditions import PreconditionFailed, PreconditionRequired, Preconditions
from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.examples import register_example
from templatesvc.api.exceptions import AlreadyExists, Conflict, QuotaExceeded, conflict_as
from templatesvc.api.filters import AFTER, BEFORE, SEARCH, ResourceFilter
from templatesvc.api.idempotency import idempotent
from templatesvc.api.idempotent_requests import IdempotentRequest, KeyInUse, KeyReused
from templatesvc.api.merge_patch import MergePatchParser, is_merge_patch, merged
from templatesvc.api.operations import operations_of
from templatesvc.api.pagination import KeysetPagination
from templatesvc.api.parsers import FormParser, JSONParser, MultiPartParser
from templatesvc.api.schema import raises
from templatesvc.api.turns import SearchInProgress
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.names import Names
from templatesvc.mongo.resources import ResourceDocument, ResourceQuerySet, Values

# Parameters of a list beside those of its pagination.
OTHERS = (SEARCH, AFTER, BEFORE, "format")
# How often a write is tried because somebody else wrote in between.
TRIES = 5
SAVED = "The {name} was saved."


class DocumentViewSet(viewsets.GenericViewSet):
    """What every view of a resource needs to find the caller's documents, and one of them."""

    serializer_class: type[DocumentSerializer]
    pagination_class = KeysetPagination
    filter_backends: ClassVar = [ResourceFilter]
    parser_classes: ClassVar = [JSONParser, MergePatchParser, FormParser, MultiPartParser]
    lookup_value_regex = "[^/]+"

    # What a list can be narrowed, searched and sorted by.
    filter_fields: ClassVar[Sequence[str]] = ()
    search_fields: ClassVar[Sequence[str]] = ()
    ordering_fields: ClassVar[Sequence[str]] = ("created_at", "updated_at")
    ordering = "-created_at"

    # The 409 for a document that the owner has already.
    exists_error: type[Conflict] = AlreadyExists

    deletion_template = "rest_framework/deletion.html"
    deletion_button = ""

    document: ClassVar[type[ResourceDocument]]
    names: ClassVar[Names]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "serializer_class" in cls.__dict__:
            cls.document = cls.serializer_class.Meta.document
            cls.names = cls.document.names
            _check_fields(cls)
            register_example(cls.serializer_class)
            for name, decorate in operations_of(cls.serializer_class).items():
                if hasattr(cls, name):
                    # Not by extend_schema_view, which misses the further methods of an action. It
                    # decorates a copy, because other views have the method as well.
                    decorate(isolate_view_method(cls, name))

    def get_queryset(self) -> ResourceQuerySet:
        return self.document.objects.of(self.request.user.get_username())

    def get_view_name(self) -> str:
        """Return "Your things" for the list, "Thing" for one of them, or an action's own name."""
        if name := getattr(self, "name", None):
            return self.names.fill(str(name))
        is_list = getattr(self, "suffix", None) == "List"
        return capfirst(self.names.fill("{your} {names}" if is_list else "{name}"))

    def get_view_description(self, html: bool = False) -> str:
        text = self.names.fill(super().get_view_description(html))
        return mark_safe(text) if html else text  # noqa: S308  # as DRF made it, from docstrings

    @property
    def way_to_restore(self) -> tuple[str, str] | None:
        """The title and the URL of the list of what can be restored, if there is one."""
        return None

    @property
    def document_id(self) -> ObjectId:
        """The id in the URL; raises Http404 for a text that is no id."""
        if not ObjectId.is_valid(self.kwargs["pk"]):
            raise Http404
        return ObjectId(self.kwargs["pk"])

    def object_queryset(self) -> ResourceQuerySet:
        """Return the query of the document that the URL names, if it is the caller's."""
        return self.get_queryset().filter(id=self.document_id)

    def get_object(self) -> ResourceDocument:
        document = self.object_queryset().first()
        if document is None:
            raise Http404
        self.check_object_permissions(self.request, document)
        return document

    @property
    def has_object_permissions(self) -> bool:
        """Whether a permission looks at the document."""
        none = BasePermission.has_object_permission
        return any(type(each).has_object_permission is not none for each in self.get_permissions())

    @property
    def must_read_first(self) -> bool:
        """Whether the document decides about a write: by its state, or by what a permission sees.

        Raises PreconditionRequired (428).
        """
        return Preconditions.of_write(self.request).names_a_state or self.has_object_permissions

    @property
    def resource_serializer(self) -> type[DocumentSerializer]:
        """The serializer of the documents, even if an action has its own."""
        return type(self).serializer_class

    def answer(
        self, document: ResourceDocument, code: int = status.HTTP_200_OK, notice: str = ""
    ) -> Response:
        """Return a document as an answer, with its entity tag; ``notice`` is for a page of it."""
        data = self.resource_serializer(document, context=self.get_serializer_context()).data
        headers = {"ETag": document.etag}
        if code == status.HTTP_201_CREATED:
            headers["Location"] = data["url"]
        response = Response(data, code, headers=headers)
        response.notice = notice and self.names.fill(notice)
        return response

    def values(self, data: Any) -> Values:
        """Return the values of a document given in full; raises ValidationError (400)."""
        serializer = self.resource_serializer(data=data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.values

    # --- Writing under conditions --------------------------------------------------------------

    def replace_and_answer(self, values: Values) -> Response:
        """Give the document new values, if it is in the state that the request names; return it."""
        return self.write_and_answer(lambda found: self.replace_document(found, values), SAVED)

    def write_and_answer(self, write: Callable[[ResourceQuerySet], Any], notice: str) -> Response:
        """Do a write that does not depend on the document's values, if its state allows it."""
        if self.must_read_first:
            document = self.conditional_write(lambda found, _: write(found))
        elif (document := write(self.object_queryset())) is None:
            raise Http404
        return self.answer(document, notice=notice)

    def conditional_write(self, write: Callable[[ResourceQuerySet, ResourceDocument], Any]) -> Any:
        """Read the document, check its state, and do a write that finds it only in this state.

        If somebody else wrote in between, all of it is done again, because the new state may or may
        not be one that the request allows. Raises Http404, PreconditionFailed (412), and Conflict
        (409) if others keep writing.
        """
        preconditions = Preconditions.of_write(self.request)
        for _ in range(TRIES):
            seen = self.get_object()
            preconditions.check(seen)
            if result := write(self.object_queryset().as_seen(seen), seen):
                return result
        raise Conflict(self.names.fill("Others keep changing this {name}. Try again."))

    # A subclass overrides these to do something beside a write. (Imports write in batches, and call
    # none of them.)

    def create_document(self, values: Values, id: ObjectId | None) -> ResourceDocument:
        """Store a new document of the caller's."""
        with conflict_as(self.exists_error, self.names):
            return self.document.create(self.request.user.get_username(), values, id)

    def replace_document(self, found: ResourceQuerySet, values: Values) -> Any:
        """Give the document found new values; return it, or None if there is none."""
        with conflict_as(self.exists_error, self.names):
            return found.replace(values)

    def delete_document(self, found: ResourceQuerySet) -> ResourceDocument | None:
        """Delete the document found; return it, or None if there is none."""
        document: ResourceDocument | None = found.remove()
        return document

    def restore_document(self, version: DocumentVersion) -> ResourceDocument:
        """Store a deleted document again."""
        with conflict_as(self.exists_error, self.names):
            return version.restore()


class ReadMixin(DocumentViewSet):
    """``GET`` of the list and of one document."""

    @raises(SearchInProgress)
    def list(self, request: Request) -> Response:
        """List {your} {names}, newest first, optionally filtered and searched."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @raises(PreconditionFailed)
    def retrieve(self, request: Request, pk: str) -> Response:
        """Read one of {your} {names}."""
        document, preconditions = self.get_object(), Preconditions.of(request)
        if preconditions.if_match is not None:
            preconditions._replace(if_none_match=None).check(document)
        # A page changes even if the document does not: with the user, and with its form's token.
        is_page = request.accepted_renderer.format == "api"
        if preconditions.is_known(document) and not is_page:
            answer = Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": document.etag})
        else:
            answer = self.answer(document)
        # A browser may keep it, but has to ask each time whether it is still fresh.
        answer["Cache-Control"] = "private, no-cache"
        return answer


class WriteMixin(DocumentViewSet):
    """``POST``, ``PUT``, ``PATCH`` and ``DELETE``."""

    @raises(AlreadyExists, QuotaExceeded, KeyInUse, KeyReused)
    def create(self, request: Request) -> Response | HttpResponse:
        """Create {a}."""

        def perform(first: IdempotentRequest | None) -> Response:
            values, id = self.values(request.data), ObjectId(first.seed) if first else None
            document = self._created_before(first) or self.create_document(values, id)
            return self.answer(document, status.HTTP_201_CREATED, "The {name} was created.")

        return idempotent(self, request, perform)

    def _created_before(self, first: IdempotentRequest | None) -> ResourceDocument | None:
        """Return the document as an earlier request with the key created it, if one did.

        It needs no room in the quota any more. Created anew, a document that somebody has deleted
        since would have its old entity tag.
        """
        if first is None or not first.is_repeated:
            return None
        owner, id = self.request.user.get_username(), ObjectId(first.seed)
        earliest = self.document.Version.first_state(owner, id)
        return earliest or self.document.objects.of(owner).filter(id=id).first()

    @raises(AlreadyExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    def update(self, request: Request, pk: str) -> Response:
        """Replace one of {your} {names}. A field that is left out is emptied."""
        return self.replace_and_answer(self.values(request.data))

    @raises(AlreadyExists, QuotaExceeded, PreconditionFailed, PreconditionRequired, Conflict)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Replace the fields that are given or, with a merge patch (RFC 7396), merge into them.

        Null empties a field.
        """
        is_merge = is_merge_patch(request)
        patch = (
            companions(self.resource_serializer).merge_patch if is_merge else self.get_serializer
        )
        serializer = patch(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        if not is_merge:
            given = serializer.emptied({n: given[n] for n in serializer.writable if n in given})
        if not given:
            document = self.get_object()
            Preconditions.of_write(request).check(document)
            return self.answer(document)
        if not is_merge and len(given) == len(serializer.writable):
            return self.replace_and_answer(given)
        change = self._merging(request.data) if is_merge else self._setting(given)
        document = self.conditional_write(
            lambda found, seen: self.replace_document(found, change(seen))
        )
        return self.answer(document, notice=SAVED)

    def _setting(self, given: Values) -> Callable[[ResourceDocument], Values]:
        """Return a function that sets the given values in those of a document."""
        fields = self.get_serializer().writable
        return lambda seen: {name: getattr(seen, name) for name in fields} | given

    def _merging(self, patch: Any) -> Callable[[ResourceDocument], Values]:
        """Return a function that merges a patch into the values of a document.

        The result is checked as if it had been sent in full.
        """
        fields = self.get_serializer().writable

        def change(seen: ResourceDocument) -> Values:
            own = self.resource_serializer.own_representation(seen, is_secret_shown=True)
            there = {name: own[name] for name in fields if own[name] is not None}
            return self.values(merged(there, patch))

        return change

    @raises(PreconditionFailed, PreconditionRequired, Conflict)
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete one of {your} {names}. It can be restored while it is among the deleted ones."""
        if self.must_read_first:
            self.conditional_write(lambda found, _: self.delete_document(found))
        elif not self.delete_document(self.object_queryset()):
            raise Http404
        return Done(self.names.fill("The {name} was deleted."), lead=self.way_to_restore)


def _check_fields(view: type[DocumentViewSet]) -> None:
    """Raise TypeError for an ordering without an index, or a filter that is impossible."""
    own = {*view.document.own_fields}
    for setting in ("filter_fields", "search_fields", "ordering_fields"):
        known = own | {"created_at", "updated_at"} if setting == "ordering_fields" else own
        if unknown := {*getattr(view, setting)} - known:
            raise TypeError(f"{view.__name__}.{setting}: there is no field {sorted(unknown)[0]!r}.")
    if taken := {*view.filter_fields} & {*KeysetPagination.parameters, *OTHERS}:
        raise TypeError(
            f"{view.__name__}.filter_fields: every list has a parameter {sorted(taken)[0]!r} "
            "already; rename the field."
        )
    for name in view.ordering_fields:
        fields = view.document._meta["queryset_class"].fields_of(name)
        stored = [*view.document.whose(None), *fields]
        keys = [view.document._fields[field].db_field for field in stored]
        indexes = [{"fields": [("_id", 1)]}, *view.document._meta["index_specs"]]
        if not any([name for name, _ in spec["fields"]] == keys for spec in indexes):
            raise TypeError(
                f"{view.__name__}.ordering_fields: no index sorts {name!r}; "
                f'declare it in {view.document.__name__}: meta = {{"orderings": ["{name}"]}}.'
            )

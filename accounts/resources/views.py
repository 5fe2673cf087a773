"""Views of documents without owners: everybody reads them, and operators change them."""

from __future__ import annotations

from typing import Any, ClassVar

from bson import ObjectId
from rest_framework.permissions import BasePermission

from accounts.operations import Actor
from accounts.permissions import IsOperator
from accounts.resources.operations import Operations, SharedExists, step_to
from templatesvc.api.history import HistoryMixin
from templatesvc.api.viewsets import ReadMixin, WriteMixin
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.resources import ResourceDocument, ResourceQuerySet, Values

VERBS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class SharedViewSet(ReadMixin, WriteMixin, HistoryMixin):
    """A catalogue; a subclass sets its ``serializer_class``.

    ``permission_classes`` decide who reads it, by default everybody who is logged in. Operators do
    everything else, and each action is in the audit, as on their pages.
    """

    # The permission for each method, by default "things.change_thing" and the like.
    permissions: ClassVar[dict[str, str]] = {}
    exists_error = SharedExists

    operations: ClassVar[Operations]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.operations = Operations(cls.document, cls.exists_error)
        needed = {method: cls.operations.permission(verb) for method, verb in VERBS.items()}
        cls.permissions = needed | cls.permissions

    def get_permissions(self) -> list[BasePermission]:
        is_reading = self.action in (None, "list", "retrieve")
        return super().get_permissions() if is_reading else [IsOperator()]

    def create_document(self, values: Values, id: ObjectId | None) -> ResourceDocument:
        return self._recorded("CREATED", super().create_document(values, id))

    def replace_document(self, found: ResourceQuerySet, values: Values) -> Any:
        document = super().replace_document(found, values)
        return document and self._recorded("CHANGED", document, step_to(document))

    def delete_document(self, found: ResourceQuerySet) -> ResourceDocument | None:
        document = super().delete_document(found)
        return document and self._recorded("DELETED", document, [document.version, None])

    def restore_document(self, version: DocumentVersion) -> ResourceDocument:
        document = super().restore_document(version)
        return self._recorded("RESTORED", document, [None, document.version])

    def restore_version(self, found: ResourceQuerySet, version: DocumentVersion) -> Any:
        document = super().replace_document(found, version.own_values)  # which records nothing
        details = {"restored": version.version}
        return document and self._recorded("RESTORED", document, step_to(document), **details)

    def forget_documents(self) -> bool:
        is_finished = super().forget_documents()
        self.operations.record_forgotten(Actor.of(self.request))
        return is_finished

    def _recorded(
        self,
        verb: str,
        document: ResourceDocument,
        versions: list[int | None] | None = None,
        **details: Any,
    ) -> ResourceDocument:
        """Leave an audit entry about a document, and return the document."""
        self.operations.record(Actor.of(self.request), verb, document, versions, **details)
        return document

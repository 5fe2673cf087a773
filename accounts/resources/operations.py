"""What an operator does to a document of somebody's: checked, done, and left in the audit."""

from __future__ import annotations

from typing import Any

from mongoengine.errors import NotUniqueError
from rest_framework.exceptions import NotFound

from accounts import audit
from accounts.audit import AuditAction, actions_of
from accounts.documents import User
from accounts.operations import Actor
from templatesvc.admin.options import Options
from templatesvc.api.exceptions import AlreadyExists, Conflict
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.owned import OwnedDocument, Values


class OwnerHasIt(AlreadyExists):
    """409: the owner has a document like this already, of which there may be one."""

    default_detail = "Its owner has {a} like this already."


class Operations:
    """The acts on documents of a class.

    Each raises PermissionDenied (403), OverQuota, and ``exists_error`` if the owner has a document
    like the new one.
    """

    def __init__(
        self, document: type[OwnedDocument], exists_error: type[Conflict] = OwnerHasIt
    ) -> None:
        self.document = document
        self.exists_error = exists_error
        self.actions = actions_of(document.names)
        self.permission = Options.of(document).permission

    def change(self, by: Actor, seen: OwnedDocument, values: Values, reason: str) -> bool:
        """Give a document new values; tell whether it was still in the state that was seen."""
        by.check(self.permission("change"))
        changed = self._replace(seen, values)
        if changed is not None:
            versions = {"version": [seen.version, changed.version]}
            self._record(by, self.actions.CHANGED, seen, versions, reason=reason)
        return changed is not None

    def bring_back(
        self, by: Actor, seen: OwnedDocument, version: DocumentVersion, reason: str
    ) -> bool:
        """Restore an earlier version as a new one; tell whether the document was as it was seen."""
        by.check(self.permission("change"))
        changed = self._replace(seen, version.own_values)
        if changed is not None:
            versions = {"version": [seen.version, changed.version]}
            details = {"restored": version.version, "reason": reason}
            self._record(by, self.actions.RESTORED, seen, versions, **details)
        return changed is not None

    def _replace(self, seen: OwnedDocument, values: Values) -> OwnedDocument | None:
        found = self.document.objects.of(seen.owner).filter(id=seen.id).as_seen(seen)
        try:
            replaced: OwnedDocument | None = found.replace(values)
        except NotUniqueError as error:
            raise self._exists() from error
        return replaced

    def delete(self, by: Actor, document: OwnedDocument, reason: str) -> None:
        """Delete a document; raises NotFound (404) if it is gone."""
        by.check(self.permission("delete"))
        if not self.document.objects.of(document.owner).filter(id=document.id).remove():
            raise NotFound("It was deleted meanwhile.")
        self._record(by, self.actions.DELETED, document, reason=reason)

    def restore(self, by: Actor, version: DocumentVersion, reason: str) -> OwnedDocument:
        """Bring a deleted document back; raises NotFound (404) without its owner.

        Whoever registered the name since is somebody else: what they get is what was deleted of
        theirs, because an account is erased with its history.
        """
        by.check(self.permission("change"))
        if User.named(version.owner) is None:
            raise NotFound("Its owner is gone.")
        try:
            document = version.restore()
        except NotUniqueError as error:
            raise self._exists() from error
        self._record(by, self.actions.RESTORED, document, reason=reason)
        return document

    def name_of(self, id: Any) -> str:
        """Return what the audit calls a document, such as ``books/65f0…``."""
        return f"{self.document.names.slugs}/{id}"

    def _exists(self) -> Conflict:
        detail = str(self.exists_error.default_detail)
        return self.exists_error(self.document.names.fill(detail))

    def _record(
        self,
        by: Actor,
        action: AuditAction,
        document: OwnedDocument,
        changes: dict[str, list[Any]] | None = None,
        **details: Any,
    ) -> None:
        audit.record(
            action,
            document.owner,
            by.client,
            by=by.name,
            document=self.name_of(document.id),
            changes=changes,
            **details,
        )

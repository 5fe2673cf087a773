"""What operators do to documents: checked, done, and left in the audit."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from rest_framework.exceptions import NotFound

from accounts import audit
from accounts.audit import actions_of
from accounts.documents import User
from accounts.operations import Actor
from templatesvc.admin.options import Options
from templatesvc.api.exceptions import AlreadyExists, Conflict, conflict_as
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.resources import ResourceDocument, Values


class OwnerHasIt(AlreadyExists):
    """409: the owner has a document like this already, of which there may be one."""

    default_detail = "Its owner has {a} like this already."


class SharedExists(AlreadyExists):
    """409: there is a document like this already, of which there may be one."""

    default_detail = "There is {a} like this already."


def step_to(document: ResourceDocument) -> list[int | None]:
    """Return the versions before and after a document's last write."""
    return [document.version - 1, document.version]


class Operations:
    """The operations on documents of a class; each leaves an entry in the audit.

    Each raises PermissionDenied (403), OverQuota, and ``exists_error`` if the owner has a document
    like the new one.
    """

    def __init__(
        self, document: type[ResourceDocument], exists_error: type[Conflict] | None = None
    ) -> None:
        self.document = document
        self.exists_error = exists_error or (OwnerHasIt if document.owner else SharedExists)
        self.actions = actions_of(document.names)
        self.permission = Options.of(document).permission

    def create(self, by: Actor, values: Values, reason: str) -> ResourceDocument:
        """Store a new document without an owner."""
        by.check(self.permission("add"))
        with self._conflict_as():
            document = self.document.create(None, values)
        self.record(by, "CREATED", document, reason=reason)
        return document

    def change(self, by: Actor, seen: ResourceDocument, values: Values, reason: str) -> bool:
        """Give a document new values; tell whether it was still in the state that was seen."""
        by.check(self.permission("change"))
        changed = self._replace(seen, values)
        if changed is not None:
            self.record(by, "CHANGED", changed, step_to(changed), reason=reason)
        return changed is not None

    def restore_version(
        self, by: Actor, seen: ResourceDocument, version: DocumentVersion, reason: str
    ) -> bool:
        """Restore an earlier version as a new one; tell whether the document was as it was seen."""
        by.check(self.permission("change"))
        changed = self._replace(seen, version.own_values)
        if changed is not None:
            details: dict[str, Any] = {"restored": version.version, "reason": reason}
            self.record(by, "RESTORED", changed, step_to(changed), **details)
        return changed is not None

    def _replace(self, seen: ResourceDocument, values: Values) -> ResourceDocument | None:
        found = self.document.objects.of(seen.owner).filter(id=seen.id).as_seen(seen)
        with self._conflict_as():
            replaced: ResourceDocument | None = found.replace(values)
        return replaced

    def delete(self, by: Actor, document: ResourceDocument, reason: str) -> None:
        """Delete a document; raises NotFound (404) if it is gone."""
        by.check(self.permission("delete"))
        deleted = self.document.objects.of(document.owner).filter(id=document.id).remove()
        if deleted is None:
            raise NotFound("It was deleted meanwhile.")
        self.record(by, "DELETED", deleted, [deleted.version, None], reason=reason)

    def restore(self, by: Actor, version: DocumentVersion, reason: str) -> ResourceDocument:
        """Bring a deleted document back; raises NotFound (404) if its owner is gone.

        Nobody can get an earlier user's documents by their name, because an account is erased with
        its history.
        """
        by.check(self.permission("change"))
        if self.document.owner and User.named(version.owner) is None:
            raise NotFound("Its owner's account was deleted, so it can't be restored.")
        with self._conflict_as():
            document = version.restore()
        self.record(by, "RESTORED", document, [None, document.version], reason=reason)
        return document

    def record_forgotten(self, by: Actor) -> None:
        """Leave an entry in the audit about deleted documents that were deleted for good."""
        audit.record(self.actions["FORGOTTEN"], "", by.client, by=by.name)

    def name_of(self, id: Any) -> str:
        """Return what the audit calls a document, such as ``things/65f0…``."""
        return f"{self.document.names.slugs}/{id}"

    def _conflict_as(self) -> AbstractContextManager[None]:
        return conflict_as(self.exists_error, self.document.names)

    def record(
        self,
        by: Actor,
        verb: str,
        document: ResourceDocument,
        versions: list[int | None] | None = None,
        **details: Any,
    ) -> None:
        """Leave an entry in the audit; ``versions`` are the one before and the one after."""
        audit.record(
            self.actions[verb],
            document.owner or "",
            by.client,
            by=by.name,
            document=self.name_of(document.id),
            changes={"version": versions} if versions else None,
            **details,
        )

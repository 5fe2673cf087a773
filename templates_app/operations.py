"""What an operator does to a template of somebody's: checked, done, and left in the audit."""

from __future__ import annotations

from typing import Any

from mongoengine.errors import NotUniqueError
from rest_framework.exceptions import NotFound

from accounts import audit
from accounts.audit import actions_of
from accounts.documents import User
from accounts.operations import Actor
from templates_app.documents import Template
from templates_app.exceptions import TemplateExists
from templatesvc.mongo.history import DocumentVersion
from templatesvc.mongo.owned import OwnedDocument

ACTIONS = actions_of(Template.names)


def change(by: Actor, seen: Template, value: Any, reason: str) -> bool:
    """Give a template a new value; tell whether it was still in the state that was seen.

    Raises TemplateExists (409).
    """
    by.check("templates_app.change_template")
    found = Template.objects.of(seen.owner).filter(id=seen.id).as_seen(seen)
    try:
        changed = found.replace({"template": value})
    except NotUniqueError as error:
        raise TemplateExists() from error
    if changed is not None:
        versions = {"version": [seen.version, changed.version]}
        _record(by, ACTIONS.CHANGED, seen, reason, versions)
    return changed is not None


def delete(by: Actor, template: Template, reason: str) -> None:
    """Delete a template; raises NotFound (404) if it is gone."""
    by.check("templates_app.delete_template")
    if not Template.objects.of(template.owner).filter(id=template.id).remove():
        raise NotFound("It was deleted meanwhile.")
    _record(by, ACTIONS.DELETED, template, reason)


def restore(by: Actor, version: DocumentVersion, reason: str) -> OwnedDocument:
    """Bring a deleted template back; raises TemplateExists (409), and NotFound without its owner.

    Whoever registered the name since is somebody else: what they get is what was deleted of theirs,
    because an account is erased with its history.
    """
    by.check("templates_app.change_template")
    if User.named(version.owner) is None:
        raise NotFound("Its owner is gone.")
    try:
        template = version.restore()
    except NotUniqueError as error:
        raise TemplateExists() from error
    _record(by, ACTIONS.RESTORED, template, reason)
    return template


def document_of(template_id: Any) -> str:
    """Return what the audit calls a template."""
    return f"templates/{template_id}"


def _record(
    by: Actor,
    action: Any,
    template: OwnedDocument,
    reason: str,
    changes: dict[str, list[Any]] | None = None,
) -> None:
    audit.record(
        action,
        template.owner,
        by.client,
        by=by.name,
        document=document_of(template.id),
        changes=changes,
        reason=reason,
    )

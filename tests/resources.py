"""Every resource that has operators' pages, and documents of each."""

from __future__ import annotations

from typing import Any

from mongoengine import StringField

from accounts.resources import ResourceAdmin
from templatesvc.admin import site
from templatesvc.mongo.fields import RawField
from templatesvc.mongo.resources import ResourceDocument

RESOURCES = [admin for admin in site.admins.values() if isinstance(admin, ResourceAdmin)]


def path_of(admin: Any) -> str:
    """Return the path of a list, below the site's."""
    return f"{admin.opts.app_label}/{admin.opts.model_name}"


def keep(admin: ResourceAdmin, owner: str, text: str) -> ResourceDocument:
    """Store a document with this text in each field that takes any."""
    fields = {name: admin.document._fields[name] for name in admin.document.own_fields}
    texts = [name for name, f in fields.items() if type(f) in (StringField, RawField)]
    values = {name: text for name in texts if not fields[name].choices}
    return admin.document.create(owner, values)


def keep_deleted(admin: ResourceAdmin, owner: str, text: str) -> Any:
    """Store a document and delete it; return its last version."""
    document = keep(admin, owner, text)
    admin.document.objects.of(owner).filter(id=document.id).remove()
    return admin.document.Version.objects(document_id=document.id).first()

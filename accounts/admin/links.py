"""Links to what an entry of the audit, a session or a document names."""

from __future__ import annotations

from urllib.parse import urlencode

from bson import ObjectId
from django.urls import reverse
from django.utils.html import format_html

from templatesvc.admin import site
from templatesvc.mongo.resources import ResourceDocument


def listed(model: str, **filters: str) -> str:
    """Return the URL of a list of accounts' documents with filters."""
    return f"{reverse(f'admin:accounts_{model}_changelist')}?{urlencode(filters)}"


def user_url(username: str) -> str:
    """Return a URL that redirects to the page of the user of this name, without looking it up."""
    return f"{reverse('admin:accounts_user_named')}?{urlencode({'username': username})}"


def user_link(username: str | None) -> str:
    return format_html('<a href="{}">{}</a>', user_url(username), username) if username else ""


def document_link(name: str) -> str:
    """Return a link for the audit's name of a document, such as ``things/65f0…``, or that name."""
    slugs, _, id = name.partition("/")
    for document, admin in site.admins.items():
        is_meant = issubclass(document, ResourceDocument) and document.names.slugs == slugs
        if is_meant and ObjectId.is_valid(id):
            url = admin.url_of("change", document(id=ObjectId(id)))
            return format_html('<a href="{}">{}</a>', url, name)
    return name

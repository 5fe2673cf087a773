"""What users keep: templates."""

from __future__ import annotations

from mongoengine import StringField

from templatesvc.mongo.documents import base_of
from templatesvc.mongo.fields import RawField
from templatesvc.mongo.owned import OwnedDocument


class Template(base_of("templates_app.Template", OwnedDocument)):  # type: ignore[misc]
    """A text or an object of one owner's."""

    owner = StringField(required=True, db_field="profile")
    template = RawField()

    meta = {"unique_for_owner": [["template"]]}

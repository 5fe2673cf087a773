"""What users keep: templates, and the versions that they had."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from mongoengine import StringField

from templates_app.querysets import TemplateQuerySet
from templatesvc.mongo.documents import RawField, new_id, now
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.values import strings_in


class Template(OwnedDocument):
    """A text or an object of one owner's.

    The Flask service writes only ``profile`` and ``template``, and changes ``template`` without
    touching ``version``: every feature has to work on such a document.
    """

    owner = StringField(required=True, db_field="profile")
    template = RawField()

    meta = {"queryset_class": TemplateQuerySet, "unique_for_owner": [["template"]]}

    @classmethod
    def create_as_flask(cls, owner: str, value: Any) -> Self:
        """Store a new template with no fields but those that the Flask service knows.

        Raises OverQuota, and NotUniqueError if the owner has the same.
        """
        return cls(id=new_id(now()), owner=owner, template=value).add()

    def to_mongo(self, *args: Any, **kwargs: Any) -> Any:
        son = super().to_mongo(*args, **kwargs)
        if "created_at" not in son:  # as the Flask service stores it
            son.pop("version", None)
        return son

    @classmethod
    def stored(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values  # the Flask service took null for a template, too

    @property
    def created(self) -> datetime:
        """When it was created; of the Flask service's, the time in its ObjectId."""
        return self.created_at or self.id.generation_time

    @property
    def updated(self) -> datetime:
        return self.updated_at or self.created

    @property
    def state_query(self) -> dict[str, Any]:
        """The query for this state: of the value, too, as the version may be an older one's."""
        return super().state_query | {"template": {"$eq": self.template}}

    def contains(self, needle: str, fields: tuple[str, ...] = ()) -> bool:
        """Tell whether a text in it contains the needle, which is case-folded."""
        return any(needle in text.casefold() for text in strings_in(self.template))


TemplateVersion = Template.Version

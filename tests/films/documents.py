"""The films that people keep."""

from __future__ import annotations

from mongoengine import IntField, ListField, StringField

from templatesvc.mongo.owned import OwnedDocument


class Film(OwnedDocument):
    """A film that somebody keeps."""

    title = StringField(required=True, max_length=200)
    director = StringField(required=True, max_length=200)
    year = IntField()
    tags = ListField(StringField(max_length=50), max_length=20)

    meta = {"orderings": ["title", "year"], "unique_for_owner": [["title", "director"]]}

    def __str__(self) -> str:
        return self.title

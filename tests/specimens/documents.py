"""What has a field of each kind."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DateField,
    DateTimeField,
    Decimal128Field,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
    URLField,
)

from templatesvc.mongo.documents import ObjectField, RawField
from templatesvc.mongo.owned import OwnedDocument


class Finder(EmbeddedDocument):
    """Who found a specimen."""

    name = StringField(required=True)
    found_at = DateTimeField(db_field="at")


class Specimen(OwnedDocument):
    """Something that has a field of each kind."""

    label = StringField(required=True, max_length=100, db_field="l")
    notes = StringField()
    kingdom = StringField(required=True, choices=["animal", "plant"], default="plant")
    stage = IntField(choices=[(1, "Egg"), (2, "Adult")])
    legs = IntField(default=6)
    mass = FloatField()
    price = Decimal128Field()
    is_rare = BooleanField(default=False)
    is_alive = BooleanField()
    seen_at = DateTimeField()
    born_on = DateField()
    parent = ObjectIdField()
    page = URLField()
    tags = ListField(StringField(max_length=50))
    counts = ListField(IntField())
    anything = RawField()
    measures = ObjectField()
    raw = RawField()
    finder = EmbeddedDocumentField(Finder)

    meta = {"orderings": ["label", "legs"], "unique_for_owner": [["label"]]}

    def __str__(self) -> str:
        return self.label

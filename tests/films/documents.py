"""A film, which has few fields, a specimen with every kind, and a genre, which is nobody's."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DateField,
    DateTimeField,
    Decimal128Field,
    EmailField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
    URLField,
    UUIDField,
)

from templatesvc.mongo.fields import ObjectField, RawField
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.shared import SharedDocument


class DirectedWork(OwnedDocument):
    """What a director made; others can be of this kind."""

    title = StringField(required=True, max_length=200)
    director = StringField(required=True, max_length=200)

    meta = {"abstract": True, "unique_for_owner": [["title", "director"]]}


class Film(DirectedWork):
    """A film that somebody keeps."""

    year = IntField()
    tags = ListField(StringField(max_length=50), max_length=20)

    meta = {"orderings": ["title", "year"]}

    def __str__(self) -> str:
        return self.title


class Finder(EmbeddedDocument):
    """Who found a specimen."""

    name = StringField(required=True, max_length=50)
    found_at = DateTimeField(db_field="at")
    floor = IntField(min_value=-5, max_value=200)


class Specimen(OwnedDocument):
    """Something that has a field of every kind."""

    label = StringField(required=True, max_length=100, db_field="l")
    notes = StringField()
    kingdom = StringField(required=True, choices=["animal", "plant"], default="plant")
    stage = IntField(choices=[(1, "Egg"), (2, "Adult")])
    legs = IntField(default=6)
    mass = FloatField()
    price = Decimal128Field(min_value=0)
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
    others = ListField(EmbeddedDocumentField(Finder))
    seats = IntField(min_value=0, max_value=1000)
    state = StringField(choices=["draft", "open", "closed"], default="draft")
    is_public = BooleanField(default=True)
    contact = EmailField()
    ticket = UUIDField(binary=False)

    meta = {
        "orderings": ["label", "kingdom", "legs", "born_on", "price", "state"],
        "unique_for_owner": [["label"]],
    }

    def __str__(self) -> str:
        return self.label


class Genre(SharedDocument):
    """A kind of film, which all know and operators name."""

    label = StringField(required=True, max_length=50)
    since = IntField()

    meta = {"orderings": ["label", "since"], "unique_together": [["label"]]}

    def __str__(self) -> str:
        return self.label

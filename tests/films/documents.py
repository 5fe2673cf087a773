"""Films, and the screenings of films: a document of few fields, and one of every kind of field."""

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

from templatesvc.mongo.documents import ObjectField, RawField
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


class Hall(EmbeddedDocument):
    """Where a film is shown."""

    name = StringField(required=True, max_length=50)
    floor = IntField(min_value=-5, max_value=200)


class Screening(OwnedDocument):
    """A screening of a film."""

    code = StringField(required=True, max_length=20)
    day = DateField()
    starts_at = DateTimeField()
    price = Decimal128Field(min_value=0)
    state = StringField(choices=["draft", "open", "closed"], default="draft")
    seats = IntField(min_value=0, max_value=1000)
    rating = FloatField()
    is_public = BooleanField(default=True)
    contact = EmailField()
    link = URLField()
    hall = EmbeddedDocumentField(Hall)
    others = ListField(EmbeddedDocumentField(Hall))
    numbers = ListField(IntField())
    film_id = ObjectIdField()
    ticket = UUIDField(binary=False)
    notes = ObjectField()
    anything = RawField()

    meta = {"orderings": ["day", "price", "state"], "unique_for_owner": [["code"]]}

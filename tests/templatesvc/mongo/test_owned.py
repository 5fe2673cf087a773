"""What an owned document may not declare: each stops the start with a sentence."""

from __future__ import annotations

from typing import Any

import mongoengine
import pytest

from templatesvc.mongo.declarations import ResourceMetaclass
from templatesvc.mongo.fields import RawField
from templatesvc.mongo.owned import OwnedDocument
from templatesvc.mongo.shared import SharedDocument
from tests.films.documents import Film


class Inner(mongoengine.EmbeddedDocument):
    """An object that refers to something."""

    other = mongoengine.GenericReferenceField()


REFUSED: dict[str, Any] = {
    "reference": mongoengine.ReferenceField("self"),
    "lazy": mongoengine.LazyReferenceField("self"),
    "generic": mongoengine.GenericReferenceField(),
    "embedded": mongoengine.EmbeddedDocumentField(Inner),
    "many": mongoengine.ListField(mongoengine.EmbeddedDocumentField(Inner)),
    "dynamic": mongoengine.DynamicField(),
    "free_object": mongoengine.DictField(),
    "free_list": mongoengine.ListField(),
    "objects": mongoengine.ListField(mongoengine.DictField()),
    "single": mongoengine.StringField(unique=True),
    "replaced_at": mongoengine.DateTimeField(),
    "etag": mongoengine.StringField(),
    "names": mongoengine.StringField(),
    "url": mongoengine.URLField(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_field_that_would_break_a_promise_stops_the_start(name: str) -> None:
    before = OwnedDocument.__subclasses__()
    with pytest.raises(TypeError, match=f"Odd.{name}: "):
        ResourceMetaclass("Odd", (OwnedDocument,), {"__module__": __name__, name: REFUSED[name]})
    assert OwnedDocument.__subclasses__() == before


def test_a_field_of_a_base_is_looked_at_as_well() -> None:
    loading = {"__module__": __name__, "meta": {"abstract": True}, "film": REFUSED["reference"]}
    base = ResourceMetaclass("OddBase", (OwnedDocument,), loading)
    for bases in ((base,), (type("OddMixin", (), {"film": REFUSED["reference"]}), OwnedDocument)):
        with pytest.raises(TypeError, match=r"Odd\.film: MongoEngine would load"):
            ResourceMetaclass("Odd", bases, {"__module__": __name__})


@pytest.mark.parametrize(
    ("base", "name", "meta"),
    [
        (SharedDocument, "title", {"unique_for_owner": [["title"]]}),
        (OwnedDocument, "title", {"unique_together": [["title"]]}),
        (SharedDocument, "owner", {}),
        (SharedDocument, "etag", {}),
    ],
)
def test_what_has_owners_and_what_has_none_are_not_mixed_up(
    base: Any, name: str, meta: dict[str, Any]
) -> None:
    fields = {name: mongoengine.StringField(), "meta": meta}
    with pytest.raises(TypeError, match=r"Odd\."):
        ResourceMetaclass("Odd", (base,), {"__module__": __name__, **fields})


@pytest.mark.parametrize(
    "meta",
    [
        {"unique_for_owner": ["title"]},
        {"unique_for_owner": [["titel"]]},
        {"orderings": "title"},
        {"orderings": ["-title"]},
        {"orderings": [["title"]]},
        {"orderings": ["tags"]},
        {"orderings": ["anything"]},
        {"orderings": ["endless"]},
        {"orderings": ["too_long"]},
    ],
    ids=str,
)
def test_a_setting_that_names_no_such_field_stops_the_start(meta: dict[str, Any]) -> None:
    text = mongoengine.StringField()
    fields = {
        "title": mongoengine.StringField(max_length=1000),
        "tags": mongoengine.ListField(text),
        "anything": RawField(),
        "endless": text,
        "too_long": mongoengine.StringField(max_length=1001),
    }
    with pytest.raises(TypeError, match=r"Odd\.meta"):
        ResourceMetaclass("Odd", (OwnedDocument,), {"__module__": __name__, **fields, "meta": meta})


def test_what_a_base_says_of_its_fields_holds() -> None:
    assert "director" in Film.own_fields
    unique = [spec["fields"] for spec in Film._meta["index_specs"] if spec.get("unique")]
    assert unique == [[("owner", 1), ("title", 1), ("director", 1)]]
    nothing = {"__module__": __name__, "meta": {"abstract": True, "orderings": ["titel"]}}
    base = ResourceMetaclass("OddBase", (OwnedDocument,), nothing)
    with pytest.raises(TypeError, match=r"Odd\.meta\['orderings'\]: there is no field 'titel'"):
        ResourceMetaclass("Odd", (base,), {"__module__": __name__})

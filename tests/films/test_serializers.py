"""Serializers with fields that clients don't write, don't read, or that documents lack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import mongoengine
import pytest
from mongoengine.base import BaseField
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.test import APIRequestFactory, force_authenticate

from templatesvc.api.documents import DocumentSerializer
from templatesvc.api.field_mapping import field_for
from templatesvc.api.notation import from_extended_json
from templatesvc.api.resources import ResourceViewSet
from templatesvc.mongo.fields import ObjectField, default_of_older
from templatesvc.mongo.quota import Usage
from templatesvc.mongo.resources import ResourceQuerySet
from tests.conftest import Person
from tests.films.documents import Film, Specimen

VALUES = {"title": "M", "director": "Lang", "year": 1931, "tags": ["crime"]}


class GuardedSerializer(DocumentSerializer):
    """The director is a secret, the year is set by somebody else, and the tags are not shown."""

    pin = serializers.CharField(write_only=True, required=False)

    class Meta:
        document = Film
        fields = ("title", "director", "year")
        extra_kwargs: ClassVar = {
            "director": {"write_only": True, "required": False},
            "year": {"read_only": True},
        }
        example: ClassVar = {"title": "M", "director": "Lang", "year": 1931}

    def validate_title(self, title: str) -> str:
        return title if self.context["request"].user else ""


class GuardedViewSet(ResourceViewSet):
    """Films."""

    serializer_class = GuardedSerializer
    filter_fields = ("year", "tags", "director")


def call(
    person: Person,
    method: str,
    action: str,
    body: Any = None,
    view: Any = GuardedViewSet,
    **to: Any,
) -> Any:
    """Send a request to an action of a view that has no route; return the answer."""
    query, kind = to.pop("query", ""), to.pop("kind", "application/json")
    options = {"format": "json"} if kind == "application/json" else {"content_type": kind}
    request = getattr(APIRequestFactory(), method)(f"/{query}", body, **options)
    force_authenticate(request, person.user)
    # What DRF's router passes on for an action of one's own.
    declared = getattr(getattr(view, action), "kwargs", {})
    answer = view.as_view({method: action}, **declared)(request, **to)
    return answer.render() if hasattr(answer, "render") else answer


def imported(person: Person, line: bytes, view: Any = GuardedViewSet) -> Any:
    return call(
        *(person, "post", "import_", line, view), query="?mode=replace", kind="application/x-ndjson"
    ).data


@pytest.fixture
def film(alice: Person) -> Film:
    return Film.create(alice.name, VALUES)


def stored(film: Film) -> dict[str, Any]:
    return Film.objects(id=film.id).first().own_values


def test_a_secret_is_in_no_answer(alice: Person, film: Film) -> None:
    read = call(alice, "get", "retrieve", pk=str(film.id)).data
    assert {*read} == {"id", "title", "year", "version", "created_at", "updated_at", "url"}
    listed = call(alice, "get", "list")
    assert listed.status_code == 200
    assert b"Lang" not in listed.content
    exported = b"".join(call(alice, "get", "export"))
    assert b"Lang" not in exported
    assert b'"title"' in exported
    call(alice, "patch", "partial_update", {"title": "M2"}, pk=str(film.id))
    version = call(alice, "get", "version", pk=str(film.id), number="1")
    assert version.status_code == 200
    assert b"Lang" not in version.content


@pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json"])
def test_what_is_not_sent_stays(kind: str, alice: Person, film: Film) -> None:
    body = {"title": "M2", "pin": "1234"} if kind == "application/json" else b'{"title": "M2"}'
    answer = call(alice, "patch", "partial_update", body, kind=kind, pk=str(film.id))
    assert answer.status_code == 200, answer.data
    assert stored(film) == VALUES | {"title": "M2"}


def test_a_put_keeps_what_clients_do_not_write(alice: Person, film: Film) -> None:
    body = {"title": "M2", "director": "Fritz Lang", "year": 2000}
    answer = call(alice, "put", "update", body, pk=str(film.id))
    assert answer.status_code == 200, answer.data
    body.pop("year")
    assert stored(film) == VALUES | body
    assert call(alice, "put", "update", body, pk=str(film.id)).status_code == 200
    assert stored(film) == VALUES | body


def test_an_import_that_replaces_keeps_what_its_lines_can_not_give(
    alice: Person, film: Film
) -> None:
    line = b"".join(call(alice, "get", "export"))
    assert imported(alice, line)["results"][0]["status"] == "skipped"
    given = from_extended_json(line.decode()) | {"title": "M2", "director": "Lang"}
    for name in ("created_at", "updated_at", "year"):
        given.pop(name)
    answer = imported(alice, str(given).replace("'", '"').encode())
    assert answer["results"][0]["status"] == "replaced", answer
    assert stored(film) == VALUES | {"title": "M2"}


@pytest.mark.parametrize(
    ("query", "count"), [("year=1931", 1), ("year=1932", 0), ("tags=crime", 1)]
)
def test_what_clients_do_not_write_can_be_filtered_by(
    query: str, count: int, alice: Person, film: Film
) -> None:
    assert film
    answer = call(alice, "get", "list", query=f"?{query}")
    assert answer.status_code == 200
    assert len(answer.data["results"]) == count


class NotOf1931(IsAuthenticated):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(obj.year != 1931)


class ClosedViewSet(GuardedViewSet):
    permission_classes: ClassVar = [NotOf1931]


class HidingViewSet(GuardedViewSet):
    def get_queryset(self) -> ResourceQuerySet:
        return super().get_queryset().filter(year__ne=1931)


@pytest.mark.parametrize("view", [ClosedViewSet, HidingViewSet])
def test_an_import_replaces_only_what_its_sender_may_change(
    view: Any, alice: Person, film: Film
) -> None:
    line = b'{"id": "%s", "title": "M2", "director": "x"}' % str(film.id).encode()
    (result,) = imported(alice, line, view)["results"]
    assert result["status"] == "skipped"
    assert stored(film) == VALUES
    assert ("You may not change this film." in result.get("detail", "")) == (view is ClosedViewSet)


def test_the_room_of_what_clients_do_not_write_is_counted(alice: Person) -> None:
    film = Film.create(alice.name, VALUES | {"tags": ["x" * 40] * 20})
    for number in range(5):
        call(alice, "patch", "partial_update", {"title": f"M{number}"}, pk=str(film.id))
    usage = Usage.of(alice.name)
    assert usage.bytes == Film.amount_of(alice.name).bytes


# --- Fields that are no field of a document -------------------------------------------------------


class LabelledSerializer(DocumentSerializer):
    """A specimen with what is computed of it, and a part of a part."""

    words = serializers.SerializerMethodField()
    found_by = serializers.CharField(source="finder.name", read_only=True)

    class Meta:
        document = Specimen
        fields = ("label", "words")
        example: ClassVar = {"label": "A-1", "words": 2}

    def get_words(self, specimen: Specimen) -> int:
        return len(specimen.measures)


class LabelledViewSet(ResourceViewSet):
    """Specimens."""

    serializer_class = LabelledSerializer


def test_what_is_computed_and_what_is_not_there_are_answered_as_drf_does(alice: Person) -> None:
    made = Specimen.create(alice.name, {"label": "A-1", "measures": {"a": 1, "b": 2}})
    read = call(alice, "get", "retrieve", pk=str(made.id), view=LabelledViewSet)
    assert read.status_code == 200
    assert read.data["words"] == 2
    assert read.data.get("found_by") is None
    rows = call(alice, "get", "list", view=LabelledViewSet, query="?fields=words").data["results"]
    assert rows == [{"words": 2}]


# --- One set of rules for each way in -------------------------------------------------------------


def made(field: BaseField) -> serializers.Field:
    """Return the serializer field of a field of a document."""
    document: Any = type("Anything", (mongoengine.EmbeddedDocument,), {"field": field})
    return field_for(document.field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (mongoengine.URLField(schemes=["https"]), "http://example.org/"),
        (mongoengine.URLField(), "http://a.b"),
        (mongoengine.EmailField(), "a@localhost"),
        (mongoengine.ListField(mongoengine.StringField(), required=True), []),
        (mongoengine.ListField(mongoengine.StringField(), required=True), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_document_refuses_its_serializer_refuses(field: BaseField, value: Any) -> None:
    with pytest.raises(serializers.ValidationError):
        made(field).run_validation(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (mongoengine.DateTimeField(default=lambda: datetime.now(UTC)), None),
        (mongoengine.UUIDField(binary=False, default=uuid4), None),
        (mongoengine.ListField(), []),
        (ObjectField(), {}),
        (mongoengine.IntField(default=6), 6),
        (mongoengine.IntField(), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_document_that_is_older_than_a_field_is_the_same_at_each_reading(
    field: BaseField, value: Any
) -> None:
    assert default_of_older(field) == value

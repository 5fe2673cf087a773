"""What a change may name."""

from __future__ import annotations

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.operators import Role
from templatesvc.api.problems import field_errors
from templatesvc.api.serializers import StrictSerializer
from tests.conftest import Person
from tests.templates_app.templates import URL, make, path


class BookSerializer(StrictSerializer):
    """Stands for any resource."""

    title = serializers.CharField()
    pages = serializers.IntegerField(read_only=True)


def test_a_partial_change_does_not_name_what_can_not_be_changed() -> None:
    serializer = BookSerializer(data={"title": "1984", "pages": 1, "x": 1}, partial=True)
    with pytest.raises(ValidationError) as caught:
        serializer.is_valid(raise_exception=True)
    errors = {error["field"]: error["code"] for error in field_errors(caught.value)[0]}
    assert errors == {"pages": "read_only", "x": "unknown_field"}


def test_a_whole_representation_is_taken_as_it_was_read() -> None:
    serializer = BookSerializer(data={"title": "1984", "pages": 1})
    assert serializer.is_valid()
    assert serializer.validated_data == {"title": "1984"}


@pytest.mark.parametrize("member", ["id", "version", "created_at", "url"])
def test_a_patch_of_a_template_is_told_of_what_can_not_be_changed(
    member: str, alice: Person
) -> None:
    made = make(alice, "one")
    answer = alice.client.patch(path(made), {"template": "two", member: made.json()[member]})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, member, "read_only")
    assert alice.client.get(URL).json()["results"][0]["template"] == "one"
    assert alice.client.put(path(made), made.json() | {"template": "two"}).status_code == 200


def test_a_patch_of_a_user_is_told_of_what_can_not_be_changed(alice: Person, bob: Person) -> None:
    bob.user.appoint(Role.STAFF)
    url = f"/api/v1/users/{alice.user.id}"
    answer = bob.client.patch(url, {"username": "carol", "is_active": False})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "read_only")
    assert bob.client.get(url).json()["is_active"] is True

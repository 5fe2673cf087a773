"""PATCH with ``application/merge-patch+json`` (RFC 7396)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Person
from tests.templates_app.templates import URL, listed, make, path

MEDIA_TYPE = "application/merge-patch+json"


def merge(person: Person, url: str, patch: Any, **headers: str) -> Any:
    return person.client.patch(url, json.dumps(patch), content_type=MEDIA_TYPE, headers=headers)


# The test cases of RFC 7396, appendix A, as fields of an object where they are no objects.
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"x": ["a", "b"]}, {"x": ["c", "d"]}, {"x": ["c", "d"]}),
        ({"x": {"a": "b"}}, {"x": ["c"]}, {"x": ["c"]}),
        ({"x": {"a": "foo"}}, {"x": None}, {}),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"x": [1, 2]}, {"x": {"a": "b", "c": None}}, {"x": {"a": "b"}}),
        ({"y": 1}, {"a": {"bb": {"ccc": None}}}, {"y": 1, "a": {"bb": {}}}),
        ("a text", {"a": {"b": 1}}, {"a": {"b": 1}}),
        (
            {"least": -(2**63), "most": 2**63 - 1},
            {"a": 1},
            {"least": -(2**63), "most": 2**63 - 1, "a": 1},
        ),
    ],
)
def test_a_merge_patch_changes_what_it_names(
    target: Any, patch: Any, result: Any, alice: Person
) -> None:
    created = make(alice, target)
    answer = merge(alice, path(created), {"template": patch})
    assert (answer.status_code, answer.json()["template"]) == (200, result)
    assert answer.json()["version"] == 2
    assert alice.client.get(path(created))["ETag"] == answer["ETag"]


def test_other_json_replaces_the_field(alice: Person) -> None:
    created = make(alice, {"a": "b", "c": {"d": "e", "f": "g"}})
    answer = alice.client.patch(path(created), {"template": {"a": "z"}})
    assert answer.json()["template"] == {"a": "z"}


@pytest.mark.parametrize("patch", [{"template": None}, {"template": 5}, [], "x", {"id": "x"}])
def test_a_patch_that_leaves_no_template_is_refused(patch: Any, alice: Person) -> None:
    created = make(alice, {"a": "b"})
    assert merge(alice, path(created), patch).status_code == 400
    assert listed(alice) == [{"a": "b"}]


def test_a_patch_of_nothing_changes_nothing(alice: Person) -> None:
    created = make(alice, {"a": "b"})
    answer = merge(alice, path(created), {})
    assert (answer.status_code, answer.json()) == (200, created.json())


def test_what_a_merge_makes_is_checked_as_a_whole(alice: Person) -> None:
    created = make(alice, {"a": "x" * 600_000})
    answer = merge(alice, path(created), {"template": {"b": "x" * 600_000}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_template"


def test_a_merge_into_another_state_is_refused(alice: Person, bob: Person) -> None:
    created = make(alice, {"a": "b"})
    patch = {"template": {"a": "c"}}
    assert merge(alice, path(created), patch, **{"If-Match": '"x"'}).status_code == 412
    assert merge(bob, path(created), patch).status_code == 404
    assert listed(alice) == [{"a": "b"}]


def test_a_merge_patch_is_for_patch_alone(alice: Person) -> None:
    url = path(make(alice, "one"))
    for call, where in ((alice.client.post, URL), (alice.client.put, url)):
        answer = call(where, "{}", content_type=MEDIA_TYPE)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

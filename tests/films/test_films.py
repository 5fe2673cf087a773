"""A resource that its director wrote in some forty lines: it has all that templates have."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rest_framework.permissions import IsAuthenticated

from accounts.transfer import exported
from templatesvc.api.resources import ResourceViewSet
from tests.accounts.callers import erase
from tests.answers import pages
from tests.conftest import Person
from tests.films.documents import Film
from tests.films.serializers import FilmSerializer
from tests.films.views import FilmViewSet

URL = "/api/v1/films"
M = {"title": "M", "director": "Lang", "year": 1931, "tags": ["crime", "classic"]}


def add(person: Person, **changes: Any) -> Any:
    answer = person.client.post(URL, M | changes)
    assert answer.status_code == 201, answer.content
    return answer


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in rows]


def patch(person: Person, url: str, body: Any, **headers: str) -> Any:
    return person.client.patch(
        url, json.dumps(body), content_type="application/merge-patch+json", headers=headers
    )


def test_a_film_is_created_with_its_state_and_its_place(alice: Person) -> None:
    answer = add(alice)
    body = answer.json()
    assert {name: body[name] for name in M} == M
    assert body.keys() == {"id", *M, "version", "created_at", "updated_at", "url"}
    assert answer["Location"] == body["url"]
    read = alice.client.get(body["url"])
    assert (read.json(), read["ETag"]) == (body, answer["ETag"])
    known = alice.client.get(body["url"], headers={"If-None-Match": answer["ETag"]})
    assert known.status_code == 304


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"title": None}, "title", "null"),
        ({"title": ""}, "title", "blank"),
        ({"title": "x" * 201}, "title", "max_length"),
        ({"title": 5}, "title", "invalid"),
        ({"year": "soon"}, "year", "invalid"),
        ({"year": True}, "year", "invalid"),
        ({"year": 2**63}, "year", "max_value"),
        ({"tags": "crime"}, "tags", "not_a_list"),
        ({"tags": ["x" * 51]}, "tags.0", "max_length"),
        ({"tags": [["crime"]]}, "tags.0", "invalid"),
        ({"tags": ["x"] * 21}, "tags", "max_length"),
        ({"publisher": "x"}, "publisher", "unknown_field"),
        ({"owner": "bob"}, "owner", "unknown_field"),
    ],
)
def test_a_value_that_the_document_does_not_take_is_refused_on_its_field(
    change: dict[str, Any], field: str, code: str, alice: Person
) -> None:
    answer = alice.client.post(URL, M | change)
    assert answer.status_code == 400
    assert (field, code) in {(e["field"], e["code"]) for e in answer.json()["errors"]}


def test_another_persons_film_is_not_there(alice: Person, bob: Person) -> None:
    url = add(alice).json()["url"]
    for ask in (bob.client.get, bob.client.put, bob.client.patch, bob.client.delete):
        body = {} if ask == bob.client.get else M
        assert ask(url, body).status_code == 404
    assert bob.client.get(URL).json()["results"] == []


@pytest.mark.store
def test_an_owner_has_one_film_of_a_title_and_director(alice: Person, bob: Person) -> None:
    add(alice)
    answer = alice.client.post(URL, M | {"year": 1932})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    assert answer.json()["detail"] == "You have a film like this already."
    add(bob)
    other = add(alice, title="Metropolis").json()["url"]
    assert alice.client.put(other, M).status_code == 409


@pytest.mark.store
def test_a_stale_write_is_refused_and_changes_nothing(alice: Person) -> None:
    created = add(alice)
    url = created.json()["url"]
    first = alice.client.put(url, M | {"year": 1932}, headers={"If-Match": created["ETag"]})
    assert (first.status_code, first.json()["version"]) == (200, 2)
    stale = {"If-Match": created["ETag"]}
    for answer in (
        alice.client.put(url, M, headers=stale),
        alice.client.patch(url, {"year": 1}, headers=stale),
        patch(alice, url, {"year": 1}, **stale),
        alice.client.delete(url, headers=stale),
    ):
        assert answer.status_code == 412
        assert answer.json()["detail"].startswith("Somebody changed or deleted this film since")
        assert answer["ETag"] == first["ETag"]
    assert alice.client.get(url).json() == first.json()


def test_a_put_empties_what_it_leaves_out(alice: Person) -> None:
    url = add(alice).json()["url"]
    body = alice.client.put(url, {"title": "M", "director": "Lang"}).json()
    assert (body["year"], body["tags"]) == (None, [])
    stored = Film._get_collection().find_one()
    assert stored is not None
    assert "year" not in stored


@pytest.mark.parametrize("merge", [False, True])
def test_a_patch_changes_what_it_names_and_null_empties(merge: bool, alice: Person) -> None:
    url = add(alice).json()["url"]
    body = {"year": None, "tags": ["crime"]}
    answer = patch(alice, url, body) if merge else alice.client.patch(url, body)
    expected = M | {"year": None, "tags": ["crime"], "version": 2}
    assert {name: answer.json()[name] for name in expected} == expected
    refused = (
        patch(alice, url, {"title": None}) if merge else alice.client.patch(url, {"title": None})
    )
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "title")


@pytest.mark.store
@pytest.mark.parametrize("ordering", ["title", "-title", "year", "-year", "created_at"])
def test_pages_hold_in_any_order_while_others_write(
    ordering: str, alice: Person, bob: Person
) -> None:
    years = [None, 1931, None, 1927, 1931, 1928, None, 1927]
    for number, year in enumerate(years):
        add(alice, title=f"Title {number * 5 % 8}", year=year)
    by = ordering.lstrip("-")

    def key(row: dict[str, Any]) -> Any:
        value = row[by]
        return (value is not None, value if value is not None else 0, row["id"])

    rows = [row for page in pages(alice.client, f"{URL}?limit=100") for row in page]
    expected = sorted(rows, key=key, reverse=ordering.startswith("-"))
    found = []
    for number, page in enumerate(pages(alice.client, f"{URL}?ordering={ordering}&limit=3")):
        found += page
        add(bob, title=f"Bob's {number}")
    assert titles(found) == titles(expected)
    # And back, from the last page to the first.
    url = f"{URL}?ordering={ordering}&limit=3"
    while following := alice.client.get(url).json()["next"]:
        url = following
    back: list[dict[str, Any]] = []
    while url:
        page = alice.client.get(url).json()
        back, url = page["results"] + back, page["previous"]
    assert titles(back) == titles(expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("director=Lang", {"M", "Metropolis"}),
        ("year=1931", {"M"}),
        ("year=null", {"Metropolis"}),
        ("tags=sea", {"Metropolis", "Jaws"}),
        ("search=JAWS", {"Jaws"}),
        ("search=lan&tags=sea", {"Metropolis"}),
        ("director=Nobody", set()),
    ],
)
def test_lists_are_searched_and_filtered(query: str, expected: set[str], alice: Person) -> None:
    add(alice)
    add(alice, title="Metropolis", year=None, tags=["sea"])
    add(alice, title="Jaws", director="Spielberg", year=1975, tags=["sea", "sharks"])
    assert set(titles(alice.client.get(f"{URL}?{query}").json()["results"])) == expected


@pytest.mark.parametrize(
    "query",
    ["year=soon", "publisher=x", "ordering=director", "director=a&director=b", "year=" + "9" * 40],
)
def test_a_list_that_is_not_understood_is_refused(query: str, alice: Person) -> None:
    assert alice.client.get(f"{URL}?{query}").status_code == 400


FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TAGGED = "title=M&director=Lang&tags=crime&tags=classic"


@pytest.mark.store
@pytest.mark.parametrize(
    ("form", "kind", "status"),
    [
        (TAGGED, FORM, 201),
        (TAGGED, f"{FORM.upper()}; charset=UTF-8", 201),
        (TAGGED.replace("crime", "noir"), FORM, 422),  # the last value is the same
        (TAGGED.replace("tags=crime&", ""), FORM, 422),
        ('{"title": "M", "director": "Lang", "tags": "classic"}', JSON, 422),
        ('{"title": ["M"], "director": ["Lang"], "tags": ["crime", "classic"]}', JSON, 422),
    ],
)
def test_a_key_with_another_form_is_refused(
    form: str, kind: str, status: int, alice: Person
) -> None:
    once = {"Idempotency-Key": "once"}
    first = alice.client.post(URL, TAGGED, content_type=FORM, headers=once)
    assert first.status_code == 201
    again = alice.client.post(URL, form, content_type=kind, headers=once)
    assert again.status_code == status, again.content
    assert Film.objects.count() == 1


@pytest.mark.store
def test_one_key_makes_one_film(alice: Person) -> None:
    once = {"Idempotency-Key": "once"}
    first, second = (alice.client.post(URL, M, headers=once) for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Film.objects.count() == 1


@pytest.mark.store
def test_its_history_is_kept_and_restored(alice: Person) -> None:
    url = add(alice).json()["url"]
    alice.client.put(url, {"title": "M", "director": "Lang"})
    (version,) = alice.client.get(f"{url}/versions").json()["results"]
    assert version["version"] == 1
    old = alice.client.get(version["url"]).json()
    assert {name: old[name] for name in M} == M
    restored = alice.client.post(f"{url}/restore", {"version": 1})
    assert (restored.status_code, restored.json()["year"]) == (200, 1931)
    assert restored.json()["version"] == 3
    assert alice.client.delete(url).status_code == 204
    (deleted,) = alice.client.get(f"{URL}/deleted").json()["results"]
    again = alice.client.post(f"{url}/restore", {"version": deleted["version"]})
    assert (again.status_code, again.json()["id"], again["Location"]) == (
        *(201, deleted["id"]),
        url,
    )
    assert {name: again.json()[name] for name in M} == M
    alice.client.delete(url)
    assert alice.client.delete(f"{URL}/deleted").status_code == 204
    assert Film.Version.objects.count() == 0


def test_a_slot_of_the_history_keeps_nothing_of_what_was_in_it(
    alice: Person, settings: Any
) -> None:
    settings.HISTORY_VERSIONS = 1
    url = add(alice).json()["url"]
    alice.client.put(url, {"title": "M", "director": "Lang"})
    alice.client.put(url, M)
    (version,) = alice.client.get(f"{url}/versions").json()["results"]
    old = alice.client.get(version["url"]).json()
    assert (old["version"], old["year"], old["tags"]) == (2, None, [])


@pytest.mark.store
def test_an_export_is_imported_as_the_same_films(alice: Person, bob: Person) -> None:
    add(alice)
    add(alice, title="Metropolis", year=None, tags=[])
    lines = b"".join(alice.client.get(f"{URL}/export"))
    ndjson = {"content_type": "application/x-ndjson"}
    result = alice.client.post(f"{URL}/import", lines, **ndjson).json()
    assert (result["skipped"], result["created"]) == (2, 0)
    result = bob.client.post(f"{URL}/import", lines, **ndjson).json()
    assert (result["created"], result["invalid"]) == (2, 0)
    mine, his = (person.client.get(URL).json()["results"] for person in (alice, bob))
    fields = ("title", "director", "year", "tags", "version", "created_at", "updated_at")
    assert [[row[name] for name in fields] for row in mine] == [
        [row[name] for name in fields] for row in his
    ]
    bad = b'{"title": "No director"}\n{"title": "a", "director": "b", "colour": "c"}\nno JSON\n'
    result = bob.client.post(f"{URL}/import", bad, **ndjson).json()
    assert [row["status"] for row in result["results"]] == ["invalid"] * 3
    assert "director: This field is required." in result["results"][0]["detail"]
    changed = lines.replace(b"1931", b"1932")
    result = alice.client.post(f"{URL}/import?mode=replace", changed, **ndjson).json()
    assert (result["replaced"], result["skipped"]) == (1, 1)


def test_a_persons_films_are_counted_exported_and_erased_with_them(alice: Person) -> None:
    url = add(alice, title="Unmistakable").json()["url"]
    alice.client.put(url, M)
    assert alice.client.get("/api/v1/users/me").json()["quota"]["documents"] == 1
    told = json.loads(b"".join(exported(alice.user)))
    assert told["films"][0]["title"] == "M"
    assert told["film_versions"][0]["title"] == "Unmistakable"
    erase(alice.user)
    assert Film.objects.count() == Film.Version.objects.count() == 0


def test_a_form_of_the_page_creates_and_changes_one(alice: Person) -> None:
    page = {"HTTP_ACCEPT": "text/html"}
    form = {"title": "M", "director": "Lang", "year": "1931", "tags": "crime\r\nclassic\r\n"}
    alice.client.post(URL, form, format="multipart", **page)
    (row,) = alice.client.get(URL).json()["results"]
    assert {name: row[name] for name in M} == M
    shown = alice.client.get(row["url"], **page).content.decode()
    assert ">\ncrime\nclassic</textarea>" in shown
    listed = alice.client.get(URL, **page).content.decode()
    assert 'name="tags"' in listed
    assert 'id="filter-director"' in listed


def test_the_form_of_the_list_says_which_way_each_order_goes(alice: Person) -> None:
    listed = alice.client.get(URL, HTTP_ACCEPT="text/html").content.decode()
    offered = dict(re.findall('<option value="(-?year)".*?>(.*?)</option>', listed))
    assert offered == {"year": "year, ascending", "-year": "year, descending"}
    add(alice)
    add(alice, title="The Testament of Dr. Mabuse", year=1933)
    (descending,) = pages(alice.client, f"{URL}?ordering=-year")
    assert [row["year"] for row in descending] == [1933, 1931]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"ordering_fields": ("director",)}, "no index sorts 'director'; declare it in Film"),
        ({"ordering_fields": ("stars",)}, "there is no field 'stars'"),
        ({"filter_fields": ("stars",)}, "there is no field 'stars'"),
        ({"search_fields": ("stars",)}, "there is no field 'stars'"),
    ],
)
def test_views_that_ask_for_what_the_document_lacks_are_no_classes(
    declared: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        type("FilmViewSet", (ResourceViewSet,), {"serializer_class": FilmSerializer} | declared)


class OnlyOf1931(IsAuthenticated):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return bool(obj.year == 1931)


@pytest.mark.parametrize("condition", ["", "*"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("put", "", M),
        ("patch", "", {"title": "x"}),
        ("patch", "", M),
        ("delete", "", None),
        ("get", "/versions", None),
        ("get", "/versions/1", None),
        ("post", "/restore", {"version": 1}),
    ],
)
def test_a_permission_that_looks_at_the_document_holds_on_each_route_of_it(
    method: str,
    path: str,
    body: Any,
    condition: str,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = add(alice, year=1960).json()
    assert alice.client.patch(made["url"], {"year": 1961}).status_code == 200
    monkeypatch.setattr(FilmViewSet, "permission_classes", [OnlyOf1931])
    headers = {"If-Match": condition} if condition else {}
    send = getattr(alice.client, method)
    assert send(made["url"] + path, body, headers=headers).status_code == 403
    assert Film.objects.first().year == 1961

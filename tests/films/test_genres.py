"""A catalogue that is nobody's: all read it, operators change it, and it belongs to no account."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.audit import AuditEntry, sentences
from accounts.operators import Role
from accounts.transfer import exported
from templatesvc.api.turns import SearchInProgress, one_at_a_time
from templatesvc.mongo.quota import Usage
from tests.accounts.callers import erase
from tests.accounts.operators import messages, operators_browser, page_of, text
from tests.answers import pages
from tests.conftest import Person
from tests.films.documents import Genre
from tests.films.views import GenreViewSet

pytestmark = pytest.mark.store
URL = "/api/v1/genres"
WESTERN = {"label": "Western", "since": 1903}


@pytest.fixture
def staff(bob: Person) -> Person:
    bob.user.appoint(Role.STAFF)
    return bob


def add(staff: Person, **changes: Any) -> Any:
    answer = staff.client.post(URL, WESTERN | changes)
    assert answer.status_code == 201, answer.content
    return answer


def test_all_read_it_with_a_token_and_without(
    staff: Person, alice: Person, client: APIClient
) -> None:
    made = add(staff)
    for reader in (client, alice.client, staff.client):
        read = reader.get(made.json()["url"])
        assert (read.json(), read["ETag"]) == (made.json(), made["ETag"])
        known = reader.get(made.json()["url"], headers={"If-None-Match": made["ETag"]})
        assert known.status_code == 304
        assert reader.get(URL).json()["results"] == [made.json()]
    assert made.json().keys() == {"id", *WESTERN, "version", "created_at", "updated_at", "url"}


def test_who_has_an_address_for_a_name_searches_beside_those_from_there(client: APIClient) -> None:
    with one_at_a_time("127.0.0.1", timedelta(minutes=1), SearchInProgress(1)):
        assert client.get(f"{URL}?search=x").status_code == 200


def test_those_of_one_network_who_are_not_logged_in_have_one_search_at_a_time(
    client: APIClient,
) -> None:
    with one_at_a_time("\0002001:db8::/64", timedelta(minutes=1), SearchInProgress(1)):
        for address, status in (("2001:db8::1", 429), ("2001:db8:0:1::1", 200)):
            assert client.get(f"{URL}?search=x", REMOTE_ADDR=address).status_code == status


def test_it_is_listed_in_each_order_by_pages_searched_and_filtered(
    staff: Person, client: APIClient
) -> None:
    since = {"Western": 1903, "Noir": 1940, "Essay": None, "Musical": 1927}
    for label, year in since.items():
        add(staff, label=label, since=year)

    def labels(query: str) -> list[str]:
        found = pages(client, f"{URL}?limit=1&{query}")
        return [row["label"] for page in found for row in page]

    assert labels("ordering=label") == ["Essay", "Musical", "Noir", "Western"]
    assert labels("ordering=-since") == ["Noir", "Musical", "Western", "Essay"]
    assert labels("ordering=created_at") == list(since)
    assert labels("search=US") == ["Musical"]
    assert labels("since=null") == ["Essay"]
    assert client.get(f"{URL}?since=soon").status_code == 400


def test_only_operators_change_it_and_see_what_it_was(
    staff: Person, alice: Person, client: APIClient
) -> None:
    url = add(staff).json()["url"]
    staff.client.put(url, WESTERN | {"since": 1894})
    gone = add(staff, label="Talkie").json()
    staff.client.delete(gone["url"])
    before = list(Genre._get_collection().find())
    asked = [
        ("post", URL), ("put", url), ("patch", url), ("delete", url),
        ("post", f"{url}/restore"), ("get", f"{url}/versions"), ("get", f"{url}/versions/1"),
        ("get", f"{URL}/deleted"), ("delete", f"{URL}/deleted"),
    ]  # fmt: skip
    for method, path in asked:
        body = {} if method == "get" else {"label": "Mine", "version": 1}
        for caller, status in ((client, 401), (alice.client, 403)):
            assert getattr(caller, method)(path, body).status_code == status, (method, path)
    alice.user.appoint(Role.VIEWER)
    for method, path in asked:
        body = {} if method == "get" else {"label": "Mine", "version": 1}
        expected = 200 if method == "get" else 403
        assert getattr(alice.client, method)(path, body).status_code == expected, (method, path)
    assert list(Genre._get_collection().find()) == before


def test_deleting_for_good_is_in_the_audit_and_outdates_no_quota(staff: Person) -> None:
    usage = Usage.of(staff.name)
    staff.client.delete(add(staff).json()["url"])
    assert staff.client.delete(f"{URL}/deleted").status_code == 204
    assert staff.client.get(f"{URL}/deleted").json()["results"] == []
    entry = AuditEntry.objects.order_by("-id").first()
    assert Usage.of(staff.name).counted_at == usage.counted_at
    assert (entry.action, entry.by) == ("genre_forgotten", staff.name)
    assert sentences()[entry.action] == "An operator deleted the deleted genres for good."


def test_a_resource_may_declare_another_permission(
    staff: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GenreViewSet.permissions["POST"] == "films.add_genre"
    monkeypatch.setitem(GenreViewSet.permissions, "POST", "films.change_operator")
    assert staff.client.post(URL, WESTERN).status_code == 403
    staff.user.appoint(Role.SUPERUSER)
    assert staff.client.post(URL, WESTERN).status_code == 201


def test_a_stale_write_is_refused_and_changes_nothing(staff: Person) -> None:
    made = add(staff)
    url, seen = made.json()["url"], {"If-Match": made["ETag"]}
    first = staff.client.patch(
        url,
        json.dumps({"since": None}),
        content_type="application/merge-patch+json",
        headers=seen,
    )
    assert (first.status_code, first.json()["since"], first.json()["version"]) == (200, None, 2)
    for answer in (
        staff.client.put(url, WESTERN, headers=seen),
        staff.client.delete(url, headers=seen),
    ):
        assert answer.status_code == 412
        assert answer.json()["detail"].startswith("Somebody changed or deleted this genre")
    assert staff.client.get(url).json() == first.json()


def test_there_is_one_of_a_kind_whoever_makes_it(staff: Person, alice: Person) -> None:
    key = {"Idempotency-Key": "once"}
    ids = {staff.client.post(URL, WESTERN, headers=key).json()["id"] for _ in range(2)}
    assert len(ids) == 1
    alice.user.appoint(Role.STAFF)
    answer = alice.client.post(URL, WESTERN | {"since": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    assert answer.json()["detail"] == "There is a genre like this already."


def test_what_was_deleted_comes_back_and_what_was_changed_goes_back(staff: Person) -> None:
    url = add(staff).json()["url"]
    staff.client.put(url, {"label": "Horse opera"})
    back = staff.client.post(f"{url}/restore", {"version": 1})
    assert (back.status_code, back.json()["label"], back.json()["version"]) == (200, "Western", 3)
    assert staff.client.delete(url).status_code == 204
    assert staff.client.get(url).status_code == 404
    (deleted,) = staff.client.get(f"{URL}/deleted").json()["results"]
    again = staff.client.post(f"{url}/restore", {"version": deleted["version"]})
    assert (again.status_code, again.json()["url"]) == (201, url)
    acts = [
        (e.action, e.by, e.username) for e in AuditEntry.objects(document__ne="").order_by("id")
    ]
    done = ("created", "changed", "restored", "deleted", "restored")
    assert acts == [(f"genre_{verb}", "bob", "") for verb in done]
    entries = AuditEntry.objects(document__ne="").order_by("id")
    versions = [entry.changes.get("version") for entry in entries]
    assert versions == [None, [1, 2], [2, 3], [3, None], [None, 4]]
    assert [entry.details.get("restored") for entry in entries] == [None, None, 1, None, None]


def test_it_stays_when_whoever_made_it_goes_and_is_not_theirs(staff: Person) -> None:
    before = Usage.of("bob").amount
    url = add(staff).json()["url"]
    staff.client.put(url, WESTERN | {"since": 1894})
    assert Usage.of("bob").amount == before
    assert b"Western" not in b"".join(exported(staff.user))
    staff.user.appoint(None)
    erase(staff.user)
    assert Genre.objects.count() == 1
    assert Genre.Version.objects.count() == 1


def test_operators_add_change_and_restore_it_on_their_pages() -> None:
    browser = operators_browser("root")
    form = {"label": "Western", "since": "1903", "reason": "asked for"}
    refused = browser.post("/admin/films/genre/add", form | {"since": "soon"})
    assert refused.context["form"].errors.keys() == {"since"}
    assert browser.post("/admin/films/genre/add", form).status_code == 302
    assert messages(browser) == "The genre “Western” was added."
    listed = browser.get("/admin/films/genre").content.decode()
    assert re.findall(r"column-(\w+)", listed) == ["label", "since", "updated_at"]
    add = 'class="addlink">Add genre<'
    assert add in listed
    viewer = operators_browser("viewer", Role.VIEWER)
    assert add not in viewer.get("/admin/films/genre").content.decode()
    genre = Genre.objects.first()
    state = browser.get(page_of(genre)).context["state"]
    browser.post(page_of(genre), form | {"since": "1894", "_state": state})
    stale = browser.post(page_of(genre), form | {"since": "1", "_state": state})
    assert "root saved while you had this page open" in text(stale)
    browser.post(page_of(genre, "delete"), {"post": "yes", "reason": "twice there"})
    deleted = Genre.Version.objects(deleted_at__ne=None).first()
    assert "Owner" not in text(browser.get(page_of(deleted)))
    browser.post(page_of(deleted, "restore"), {"post": "yes", "reason": "not twice"})
    assert Genre.objects.first().since == 1894
    history = text(browser.get(page_of(genre, "history")))
    for done in ("created", "changed", "deleted", "restored"):
        assert f"An operator {done} a genre." in history
    twice = browser.post("/admin/films/genre/add", form)
    assert "There is a genre like this already." in text(twice)

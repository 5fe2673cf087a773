"""Lists: orderings, pages that hold while others write, counts."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pymongo
import pytest
from pymongo.errors import ExecutionTimeout
from pytest_django.fixtures import Settings

from templates_app.documents import Template
from templatesvc.api import pagination
from templatesvc.mongo.clock import now
from templatesvc.mongo.leases import Lease
from templatesvc.mongo.walks import FIRST_BATCH
from tests.conftest import Person
from tests.stores import SECONDS
from tests.templates_app.templates import URL, check_order, make, pages, path
from tests.test_round_trips import explained

pytestmark = pytest.mark.store

ORDERINGS = ["created_at", "-created_at", "updated_at", "-updated_at"]


def test_pages_lead_through_all_and_back(alice: Person, bob: Person) -> None:
    for number in range(7):
        make(alice, f"T{number}")
    make(bob, "not hers")
    assert pages(alice, "limit=3") == [["T6", "T5", "T4"], ["T3", "T2", "T1"], ["T0"]]
    second = alice.client.get(alice.client.get(f"{URL}?limit=3").json()["next"])
    body = second.json()
    assert second["Link"] == (f'<{body["next"]}>; rel="next", <{body["previous"]}>; rel="previous"')
    first = alice.client.get(body["previous"]).json()
    assert [result["template"] for result in first["results"]] == ["T6", "T5", "T4"]
    assert first["previous"] is None


def test_a_list_that_fits_one_page_leads_nowhere(alice: Person) -> None:
    make(alice, "one")
    answer = alice.client.get(URL)
    assert answer.json().keys() == {"next", "previous", "results"}
    assert (answer.json()["next"], answer.json()["previous"]) == (None, None)
    assert "Link" not in answer


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_orderings_hold_over_pages(ordering: str, alice: Person) -> None:
    made = [make(alice, f"T{number}") for number in range(5)]
    alice.client.put(path(made[1]), {"template": "T1 again"})
    check_order(alice, ordering, count=5)


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_what_comes_or_goes_moves_nothing_else(ordering: str, alice: Person) -> None:
    made = {f"T{number}": path(make(alice, f"T{number}")) for number in range(6)}
    order = sorted(made, reverse=ordering.startswith("-"))
    first = alice.client.get(f"{URL}?limit=2&ordering={ordering}").json()
    # What was seen last goes, so that the cursor stands at nothing, and others come.
    alice.client.delete(made[order[1]])
    make(alice, "new")
    second = alice.client.get(first["next"]).json()
    assert [result["template"] for result in second["results"]] == order[2:4]


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_page_whose_rows_went_leads_back(ordering: str, alice: Person) -> None:
    made = {f"T{number}": path(make(alice, f"T{number}")) for number in range(5)}
    order = sorted(made, reverse=ordering.startswith("-"))
    first = alice.client.get(f"{URL}?limit=2&ordering={ordering}").json()
    for name in order[2:]:
        alice.client.delete(made[name])
    empty = alice.client.get(first["next"]).json()
    assert (empty["results"], empty["next"]) == ([], None)
    back = alice.client.get(empty["previous"]).json()
    assert [result["template"] for result in back["results"]] == order[:2]
    assert (back["next"], back["previous"]) == (None, None)
    for name in order[:2]:
        alice.client.delete(made[name])
    nothing = alice.client.get(empty["previous"]).json()
    assert (nothing["results"], nothing["next"], nothing["previous"]) == ([], None, None)


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_page_before_whose_rows_went_leads_on(ordering: str, alice: Person) -> None:
    made = {f"T{number}": path(make(alice, f"T{number}")) for number in range(3)}
    order = sorted(made, reverse=ordering.startswith("-"))
    first = alice.client.get(f"{URL}?limit=2&ordering={ordering}").json()
    last = alice.client.get(first["next"]).json()
    for name in order[:2]:
        alice.client.delete(made[name])
    empty = alice.client.get(last["previous"]).json()
    assert (empty["results"], empty["previous"]) == ([], None)
    on = alice.client.get(empty["next"]).json()
    assert [result["template"] for result in on["results"]] == order[2:]


def test_a_count_is_given_only_if_it_is_asked_for(alice: Person, bob: Person) -> None:
    for number in range(3):
        make(alice, f"T{number}")
    make(bob, "not hers")
    assert alice.client.get(f"{URL}?limit=1&count=true").json()["count"] == 3
    assert alice.client.get(f"{URL}?search=t1&count=true").json()["count"] == 1
    assert "count" not in alice.client.get(f"{URL}?count=false").json()


@pytest.mark.parametrize(
    ("text", "is_counted"), [("1", True), ("True", True), ("0", False), ("False", False)]
)
def test_a_count_is_asked_for_as_clients_write_what_is_true(
    text: str, is_counted: bool, alice: Person
) -> None:
    assert ("count" in alice.client.get(f"{URL}?count={text}").json()) is is_counted


@pytest.mark.parametrize("text", ["", "2", "null", "true "])
def test_what_is_neither_true_nor_false_asks_for_no_count(text: str, alice: Person) -> None:
    answer = alice.client.get(URL, {"count": text})
    assert (answer.status_code, answer.json()["detail"]) == (400, "count: Give true or false.")


def test_a_count_reads_little_more_than_it_may_tell(alice: Person) -> None:
    for number in range(5):
        make(alice, f"T{number}")
    found = Template.objects.of(alice.name)
    assert found.count_up_to(5) == 5
    assert found.count_up_to(3) == 4


def test_a_count_whose_time_is_up_tells_what_is_known(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make(alice, f"T{number}")

    def too_slow(*_: Any, **__: Any) -> int:
        raise ExecutionTimeout("operation exceeded time limit", 50)

    monkeypatch.setattr(type(Template._get_collection()), "count_documents", too_slow)
    assert alice.client.get(f"{URL}?limit=2&count=true").json()["count"] == "2+"


@pytest.mark.long
@pytest.mark.wire
def test_a_count_ends_at_10000(alice: Person) -> None:
    collection = Template._get_collection()
    with pymongo.timeout(120):
        collection.insert_many([{"profile": "alice", "template": f"{n}"} for n in range(10_000)])
        assert alice.client.get(f"{URL}?limit=1&count=true").json()["count"] == 10_000
        collection.insert_one({"profile": "alice", "template": "one more"})
        assert alice.client.get(f"{URL}?limit=1&count=true").json()["count"] == "10000+"
        collection.delete_many({})


# --- Cursors that are not for this list -----------------------------------------------------


@pytest.fixture
def following(alice: Person) -> str:
    for number in range(3):
        make(alice, f"T{number}")
    url: str = alice.client.get(f"{URL}?limit=1").json()["next"]
    return url


def is_bad_cursor(person: Person, url: str) -> bool:
    answer = person.client.get(url)
    error = answer.json().get("errors", [{}])[0]
    return (answer.status_code, error.get("code"), error.get("field")) == (
        *(400, "bad_cursor"),
        "cursor",
    )


def test_a_cursor_is_for_its_own_list(following: str, alice: Person, bob: Person) -> None:
    assert is_bad_cursor(bob, following)
    for more in ("kind=text", "search=T", "ordering=created_at", "template.a=b"):
        assert is_bad_cursor(alice, f"{following}&{more}"), more
    for same in ("count=true", "limit=2"):
        assert alice.client.get(following.replace("limit=1", same)).status_code == 200


def test_a_tampered_cursor_is_refused(following: str, alice: Person) -> None:
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    forged = [cursor[:place] + "~" + cursor[place + 1 :] for place in range(0, len(cursor), 7)]
    for other in (*forged, "", "x", "x:y:z", "é", cursor + "A", cursor * 3):
        assert is_bad_cursor(alice, f"{URL}?{urlencode({'limit': 1, 'cursor': other})}"), other


# --- Time limits ------------------------------------------------------------------------------


@pytest.mark.wire
@pytest.mark.parametrize(
    "query",
    ["", "?count=true", "?ordering=updated_at", "?search=x", "?search=x&count=true"]
    + ["?kind=text&template.a=b&created_after=2020-01-01T00:00:00Z", "/deleted", "/export"],
)
def test_every_query_has_a_time_limit(
    query: str, alice: Person, commands: list[dict[str, Any]]
) -> None:
    make(alice, "one")
    commands.clear()
    answer = alice.client.get(f"{URL}{query}")
    assert answer.status_code == 200
    answer.getvalue()
    assert len(commands) >= 2
    assert all(0 < command["maxTimeMS"] <= 1000 * SECONDS for command in commands)


@pytest.mark.wire
def test_a_query_that_takes_too_long_is_a_503(alice: Person) -> None:
    make(alice, "one")
    with pymongo.timeout(0.001):
        answer = alice.client.get(f"{URL}?search=not+there")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_search_whose_time_is_up_goes_on_with_the_next_page(
    ordering: str, alice: Person, settings: Settings
) -> None:
    settings.SEARCH_TIME = timedelta(0)
    for number in range(51):  # so that a batch of the store may have none
        make(alice, f"T{number} {'fits' if number % 25 == 0 else 'does not'}")
    url = f"{URL}?search=FITS&count=true&ordering={ordering}"
    seen: list[str] = []
    empty = 0
    while url:
        answer = alice.client.get(url)
        body = answer.json()
        assert str(body["count"]).endswith("+")
        page = [result["template"] for result in body["results"]]
        if seen and page:
            back = alice.client.get(body["previous"]).json()
            assert back["next"]
        seen, empty = seen + page, empty + (not page)
        url = body["next"]
    found = ["T0 fits", "T25 fits", "T50 fits"]
    assert seen == (found[::-1] if ordering.startswith("-") else found)
    assert empty


@pytest.mark.parametrize(("seconds", "goes_on"), [(1.9, False), (2.1, True)])
def test_a_search_has_as_long_as_the_setting_says(
    seconds: float,
    goes_on: bool,
    alice: Person,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.SEARCH_TIME = timedelta(seconds=2)
    make(alice, "does not")
    moments = chain([100.0], repeat(100.0 + seconds))
    monkeypatch.setattr(pagination, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    body = alice.client.get(f"{URL}?search=fits").json()
    assert body["results"] == []
    assert (body["next"] is not None) is goes_on


# --- Bytes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_page_ends_at_a_number_of_bytes_and_next_goes_on(
    ordering: str, alice: Person, settings: Settings
) -> None:
    settings.MAX_PAGE_SIZE = 5000
    for number in range(7):
        make(alice, f"T{number}" + "x" * (6000 if number == 3 else 2000))
    url, found = f"{URL}?ordering={ordering}", []
    while url:
        body = alice.client.get(url).json()
        found.append([result["template"][:2] for result in body["results"]])
        url, last = body["next"], body
    assert sorted(name for page in found for name in page) == [f"T{n}" for n in range(7)]
    assert {len(page) for page in found} == {1, 2}
    back = alice.client.get(last["previous"]).json()
    assert [result["template"][:2] for result in back["results"]] == found[-2]


@pytest.mark.wire
def test_a_page_reads_little_more_than_it_shows(
    alice: Person, commands: list[dict[str, Any]], settings: Settings
) -> None:
    rows = [{"profile": "alice", "template": f"{n}" + "x" * 400_000} for n in range(60)]
    with pymongo.timeout(60):
        Template._get_collection().insert_many(rows)
    commands.clear()
    assert len(alice.client.get(f"{URL}?limit=60").json()["results"]) == 2
    asked = [command for command in commands if command.keys() & {"find", "getMore"}]
    assert [command.get("limit") for command in asked] == [FIRST_BATCH]


# --- One search at a time -------------------------------------------------------------------------


def test_a_person_has_one_search_at_a_time(alice: Person, bob: Person) -> None:
    make(alice, "one")
    name = hashlib.sha256(b"alice").hexdigest()
    with Lease.held(f"search_in_progress:{name}", timedelta(minutes=1)):
        answer = alice.client.get(f"{URL}?search=one")
        assert (answer.status_code, answer.json()["code"]) == (429, "search_in_progress")
        assert int(answer["Retry-After"]) > 0
        assert alice.client.get(URL).status_code == 200
        assert bob.client.get(f"{URL}?search=one").status_code == 200
    for _ in range(2):
        assert alice.client.get(f"{URL}?search=one").status_code == 200
    assert Lease.objects.count() == 0


# --- Indexes ----------------------------------------------------------------------------------


@pytest.mark.wire
@pytest.mark.parametrize("ordering", ORDERINGS)
def test_a_page_reads_an_index_and_sorts_nothing(
    ordering: str, alice: Person, commands: list[dict[str, Any]]
) -> None:
    if "SORT" in explained({"find": "templates", "filter": {}, "sort": {"_id": 1}}):
        pytest.skip("this server's plans do not tell: it sorts even what it reads in order")
    rows = [{"profile": ("alice", "bob")[n % 2], "template": f"{n}"} for n in range(100)]
    for row in rows[::3]:
        row["updated_at"] = now()
    Template._get_collection().insert_many(rows)
    url = f"{URL}?ordering={ordering}"
    for _ in range(2):
        commands.clear()
        answer = alice.client.get(url)
        finds = [command for command in commands if "find" in command]
        assert len(finds) == (2 if "updated" in ordering else 1)
        for find in finds:
            asked = {n: find[n] for n in ("find", "filter", "sort", "limit") if n in find}
            found = explained(asked)
            assert "IXSCAN" in found
            assert not found & {"COLLSCAN", "SORT"}
        url = answer.json()["next"]

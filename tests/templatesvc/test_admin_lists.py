"""The operators' lists: in order and in pages, whatever is stored, searched and filtered."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from bson import DBRef, ObjectId, Regex
from bson.datetime_ms import DatetimeMS
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from accounts.documents import Session, User
from templates_app.documents import Template
from templatesvc.admin import site
from templatesvc.admin.ordering import NoIndexError, Order
from templatesvc.mongo import ids
from templatesvc.mongo.clock import now
from tests.accounts.operators import operators_browser, page_of, text
from tests.conftest import Person

pytestmark = pytest.mark.store

USERS = "/admin/accounts/user"
TEMPLATES = "/admin/templates_app/template"
LAST_YEAR = datetime(2025, 11, 24, tzinfo=UTC)


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


def insert_users(*names: str, **fields: Any) -> None:
    User._get_collection().insert_many([{"username": name, **fields} for name in names])


def insert_templates(count: int, start: datetime, step: timedelta, profile: str = "alice") -> None:
    """Store templates as the Flask service does, one made each step of time."""
    rows = [
        {
            "_id": ObjectId(
                int((start + n * step).timestamp()).to_bytes(4, "big") + bytes([0] * 7 + [n % 256])
            ),
            "profile": profile,
            "template": f"number {n}",
        }
        for n in range(count)
    ]
    Template._get_collection().insert_many(rows)


def names(answer: Any) -> list[str]:
    """Return the first cells of the rows."""
    assert answer.status_code == 200, answer.content
    return [
        html.unescape(n)
        for n in re.findall(r"<th><a [^>]*>(.*?)</a></th>", answer.content.decode())
    ]


def link(answer: Any, rel: str) -> str:
    found = re.search(rf'href="([^"]*)" rel="{rel}"', answer.content.decode())
    return html.unescape(found[1]) if found else ""


def users(answer: Any) -> list[str]:
    """Return whose page each row links to."""
    return re.findall(r'/named\?username=[^"]*">(.*?)</a>', answer.content.decode())


def walked(browser: Client, path: str, read: Callable[[Any], list[str]] = names) -> list[list[str]]:
    """Return what is on each page, from the first to the last."""
    pages, query = [], path.partition("?")[2] and "?" + path.partition("?")[2]
    while True:
        answer = browser.get(path.partition("?")[0] + query)
        pages.append(read(answer))
        query = link(answer, "next")
        if not query:
            return pages
        assert len(pages) < 50


# --- Paging and order -------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["username", "-username", "id", "-id"])
def test_pages_have_each_row_once_in_order(
    root: Client, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[User], "list_per_page", 3)
    insert_users("ada", "Bob", "carol", "dave", "éva", "frank", "grace")
    pages = walked(root, f"{USERS}?o={order}")
    shown = [name for page in pages for name in page]
    expected = sorted(["ada", "Bob", "carol", "dave", "éva", "frank", "grace", "root"])
    if order.endswith("username"):
        assert shown == (expected if order == "username" else expected[::-1])
    assert sorted(shown) == expected
    assert [len(page) for page in pages] == [3, 3, 2]


def test_pages_go_on_after_a_name_of_any_length(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[User], "list_per_page", 1)
    long = "a" * 3000  # the Flask service took it
    insert_users(long, "bob")
    assert walked(root, USERS) == [[long], ["bob"], ["root"]]


def test_one_can_go_back_as_one_came(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.admins[User], "list_per_page", 2)
    insert_users("ada", "bob", "carol", "dave", "erin")
    first = root.get(USERS)
    second = root.get(USERS + link(first, "next"))
    third = root.get(USERS + link(second, "next"))
    assert [names(page) for page in (first, second, third)] == [
        ["ada", "bob"],
        ["carol", "dave"],
        ["erin", "root"],
    ]
    back = root.get(USERS + link(third, "prev"))
    assert names(back) == ["carol", "dave"]
    assert names(root.get(USERS + link(back, "prev"))) == ["ada", "bob"]
    assert not link(root.get(USERS + link(back, "prev")), "prev")


@pytest.mark.parametrize("order", ["id", "-id"])
def test_ids_of_every_type_are_listed_and_their_pages_found(
    root: Client, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[User], "list_per_page", 2)
    ids_there: list[Any] = [7, -1.5, "text", "6" * 24, {"a": None}, True, b"\0\1", LAST_YEAR]
    rows = [{"_id": id, "username": f"user {n}"} for n, id in enumerate(ids_there)]
    User._get_collection().insert_many(rows)
    shown = [name for page in walked(root, f"{USERS}?o={order}") for name in page]
    assert sorted(shown) == sorted(["root", *(row["username"] for row in rows)])
    for n, id in enumerate(ids_there):
        user = User.objects(__raw__={"_id": {"$eq": id}}).first()
        assert f"user {n}" in text(root.get(page_of(user)))


@pytest.mark.parametrize("step", [timedelta(seconds=1), timedelta(hours=5), timedelta(days=40)])
def test_templates_are_found_however_long_ago(
    root: Client, step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[Template], "list_per_page", 10)
    insert_templates(25, LAST_YEAR - 24 * step, step)
    pages = walked(root, TEMPLATES)
    assert [name for page in pages for name in page] == [f"number {n}" for n in range(24, -1, -1)]


@pytest.mark.parametrize("step", [timedelta(0), timedelta(minutes=7), timedelta(days=2)])
def test_sessions_are_found_however_long_ago(
    root: Client, step: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[Session], "list_per_page", 10)
    moment = now()
    for n in range(25):
        fields = {"user_id": n, "username": f"user {n}", "created_at": moment - n * step}
        Session(id=f"{99 - n}", expires_at=moment + timedelta(days=1), **fields).save()
    shown = [name for page in walked(root, "/admin/accounts/session", read=users) for name in page]
    assert [name for name in shown if name != "root"] == [f"user {n}" for n in range(25)]


def test_the_order_of_updates_is_offered_where_an_index_has_it(root: Client) -> None:
    insert_templates(3, LAST_YEAR, timedelta(days=1))
    assert "o=updated_at" not in root.get(TEMPLATES).content.decode()
    assert "o=updated_at" in root.get(f"{TEMPLATES}?owner=alice").content.decode()


def test_an_order_without_an_index_is_refused() -> None:
    with pytest.raises(NoIndexError):
        Order(User, "last_login")
    with pytest.raises(NoIndexError):
        Order(Session, "username")


def test_every_list_begins_with_an_order_that_an_index_has() -> None:
    for document, admin in site.admins.items():
        assert Order(document, admin.ordering).keys


@pytest.mark.parametrize("place", ["x", "~", "~AAAA", ids.encode({"$gt": ""}), ids.encode([1])])
def test_a_place_that_is_none_is_the_beginning(root: Client, place: str) -> None:
    assert names(root.get(USERS, {"p": place})) == ["root"]


def test_a_list_says_how_many_there_are_as_far_as_it_knows(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.admins[User], "list_per_page", 2)
    assert "1 user" in text(root.get(USERS))
    insert_users("ada", "bob", "carol")
    assert "More than 2 users" in text(root.get(USERS))


# --- Search and filters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("bob", ["Bob", "bobby"]),
        ("OBB", ["bobby"]),
        ("ZOË", ["zoë"]),
        ("STRASSE", ["Straße"]),
        (".*", ["a.*b"]),
        ("$ne", ["{$ne}"]),
        ("[", []),
        ("<script>", ["<script>alert(1)</script>"]),
    ],
)
def test_any_part_of_a_name_finds_its_user(root: Client, search: str, found: list[str]) -> None:
    insert_users("Bob", "bobby", "zoë", "Straße", "a.*b", "{$ne}", "<script>alert(1)</script>")
    assert names(root.get(USERS, {"q": search})) == found


def test_names_of_other_types_are_no_harm(root: Client) -> None:
    insert_users(5, None, ["bob"], {"first": "bob"})
    assert len(names(root.get(USERS))) == 5
    assert names(root.get(USERS, {"q": "bob"})) == []


def test_a_search_goes_on_where_it_stopped(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.admins[Template], "search_most", 10)
    insert_templates(35, LAST_YEAR, timedelta(minutes=1))
    first = root.get(TEMPLATES, {"q": "NUMBER 2"})
    assert "4 templates found in the 10 searched" not in text(first)
    pages = walked(root, f"{TEMPLATES}?q=NUMBER+2")
    assert [len(page) for page in pages] == [5, 5, 0, 1]
    assert pages[-1] == ["number 2"]
    assert "Continue search" in text(first)


def test_a_search_whose_time_is_up_shows_what_it_found_and_goes_on(
    root: Client, settings: Settings
) -> None:
    settings.SEARCH_TIME = timedelta(0)
    insert_templates(12, LAST_YEAR, timedelta(minutes=1))
    first = root.get(TEMPLATES, {"q": "NUMBER 1"})
    assert "Continue search" in text(first)
    pages = walked(root, f"{TEMPLATES}?q=NUMBER+1")
    assert len(pages) >= 12
    assert [name for page in pages for name in page] == ["number 11", "number 10", "number 1"]


def test_a_list_ends_at_a_number_of_bytes_and_goes_on(root: Client, settings: Settings) -> None:
    settings.MAX_PAGE_SIZE = 1000
    rows = [{"profile": "alice", "template": f"{n:04} {'x' * 400}"} for n in range(10)]
    Template._get_collection().insert_many(rows)
    pages = walked(root, TEMPLATES)
    assert [name[:4] for page in pages for name in page] == [f"{n:04}" for n in range(9, -1, -1)]
    assert max(len(page) for page in pages) <= 3
    assert not root.get(f"{TEMPLATES}?q=none+of+them").context["cl"].is_unfinished


def test_a_search_looks_into_objects(root: Client) -> None:
    Template(owner="alice", template={"a": [{"b": "Needle"}]}).save()
    Template(owner="alice", template={"needle": "hay"}).save()
    assert names(root.get(TEMPLATES, {"q": "needle"})) == ['{"a":[{"b":"Needle"}]}']


def test_a_column_has_the_name_of_its_filter(root: Client) -> None:
    page = root.get(USERS).content.decode()
    assert "Is active" not in page
    assert {"Active", "By active"} <= set(re.findall(r">\s*([\w ]+?)\s*<", page))


def test_filters_narrow_and_are_kept_by_search_and_order(root: Client) -> None:
    insert_users("ada", "bob")
    insert_users("carol", "dave", is_active=False)
    assert names(root.get(USERS, {"active": "no"})) == ["carol", "dave"]
    assert names(root.get(USERS, {"active": "no", "q": "car"})) == ["carol"]
    assert names(root.get(USERS, {"active": "no", "o": "-username"})) == ["dave", "carol"]
    assert names(root.get(USERS, {"role": "superuser"})) == ["root"]
    assert names(root.get(USERS, {"active": "{$ne: 1}"})) == ["ada", "bob", "carol", "dave", "root"]


def test_templates_are_filtered_by_owner_kind_and_date(root: Client) -> None:
    insert_templates(2, LAST_YEAR, timedelta(days=1), "bob")
    Template(owner="alice", template="new").save()
    Template(owner="alice", template={"kind": "book"}).save()
    assert names(root.get(TEMPLATES, {"owner": "bob"})) == ["number 1", "number 0"]
    assert names(root.get(TEMPLATES, {"owner": "ali"})) == []
    assert names(root.get(TEMPLATES, {"kind": "object"})) == ['{"kind":"book"}']
    assert names(root.get(TEMPLATES, {"owner": "alice", "kind": "text"})) == ["new"]
    assert len(names(root.get(TEMPLATES, {"created": "24h"}))) == 2


# --- Ids --------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0$"))


def nested(levels: int) -> Any:
    """Return objects in each other."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary()
    | st.builds(ObjectId),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)


@given(values)
def test_an_id_in_a_url_is_the_same_value_again(value: Any) -> None:
    encoded = ids.encode(value)
    assert re.fullmatch(ids.PATTERN, encoded)
    assert ids.decode(encoded) == value


def test_a_place_is_restored_whatever_time_is_in_it() -> None:
    for moment in (now(), DatetimeMS(253_402_300_800_000)):
        assert ids.decode_signed(ids.encode([moment])) == [moment]


@given(st.text())
def test_a_text_that_is_no_id_is_said_to_be_none(given_text: str) -> None:
    try:
        ids.decode(given_text)
    except ValueError:
        return
    assert re.fullmatch("[0-9a-fA-F]{24}|~.*", given_text)


@pytest.mark.parametrize("value", [Regex(".*"), DBRef("user", 1), {"$gt": ""}, {"$ref": "user"}])
def test_what_could_act_in_a_query_is_no_id(value: Any, root: Client, alice: Person) -> None:
    ticked = {"action": "end", "_selected_action": ids.encode(value), "post": "yes"}
    assert root.post("/admin/accounts/session", ticked).status_code == 404
    assert alice.client.get("/api/v1/users/me").status_code == 200


@pytest.mark.parametrize(
    "id",
    ["0" * 24, ids.encode({"$ne": None}), ids.encode({"$gt": ""}), ids.encode("alice"), "~AA", "x"]
    + [ids.encode(DBRef("users", ObjectId("0" * 24))), ids.encode({"a": Regex(".*")})]
    + [ids.encode(UUID(int=7)), ids.encode(nested(80)), ids.encode(nested(600))],
)
@pytest.mark.parametrize("model", ["user", "session", "auditentry"])
def test_ids_of_nothing_or_of_other_collections_find_nothing(
    root: Client, model: str, id: str
) -> None:
    for page in ("change", "history"):
        assert root.get(f"/admin/accounts/{model}/{id}/{page}").status_code == 404
    ticked = {"action": "end_sessions", "_selected_action": id, "post": "yes"}
    assert root.post(USERS, ticked).status_code in (302, 404)

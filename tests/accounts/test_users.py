"""Other people's accounts: ``/api/v1/users`` and ``/api/v1/users/{id}`` for operators."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from bson import ObjectId
from rest_framework.test import APIClient

from accounts import operations
from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.operations import Actor
from accounts.operators import Operators, Role
from templates_app.documents import Template
from templatesvc.api.notation import format_time
from templatesvc.mongo import ids
from templatesvc.mongo.quota import Usage
from tests.accounts.callers import browser, log_in
from tests.accounts.rights import may
from tests.conftest import Person
from tests.conftest import log_in as register
from tests.test_round_trips import Commands

USERS = "/api/v1/users"
SMUGGLED = {"is_staff": True, "is_superuser": True, "role": "superuser", "groups": ["admin"]}


def url(user: User) -> str:
    return f"{USERS}/{ids.encode(user.id)}"


@pytest.fixture
def root() -> Person:
    person = register("root", "root-of-all")
    person.user.appoint(Role.SUPERUSER)
    return person


@pytest.fixture
def staff() -> Person:
    person = register("staff", "hard-at-work")
    person.user.appoint(Role.STAFF)
    return person


# --- Who may what ------------------------------------------------------------------------------

# The statuses for nobody, a user, a viewer, staff and a superuser.
ROUTES: dict[tuple[str, str], str] = {
    # on the list:
    ("get", ""):                              "401 403 200 200 200",
    ("head", ""):                             "401 403 200 200 200",
    ("put", ""):                              "405 405 405 405 405",
    ("delete", ""):                           "405 405 405 405 405",
    # on a user:
    ("get", "user"):                          "401 403 200 200 200",
    ("patch {}", "user"):                     "401 403 403 200 200",
    ("post", "user"):                         "401 403 405 405 405",
    # on an operator, the one being a viewer:
    ("get", "viewer"):                        "401 403 200 200 200",
    # on what is not there:
    ("get", "nothing"):                       "401 403 404 404 404",
    ("patch is_active", "nothing"):           "401 403 403 404 404",
    ("delete", "nothing"):                    "401 403 403 404 404",
}  # fmt: skip
OPERATIONS = {
    "patch is_active": ("deactivate", "200"),
    "patch must_change_password": ("force a change", "200"),
    "patch role": ("appoint", "200"),
    "delete": ("erase", "204"),
}
ROUTES |= {
    (step, str(whose or "user")): " ".join(
        ["401", "403", *(done if may(role, name, whose) else "403" for role in Role)]
    )
    for step, (name, done) in OPERATIONS.items()
    for whose in (None, Role.VIEWER)
}
BODIES: dict[str, dict[str, Any]] = {
    "is_active": {"is_active": False},
    "must_change_password": {"must_change_password": True},
    "role": {"role": "staff"},
}
ROLES = ("nobody", "user", *Role)


@pytest.mark.parametrize("kind", ROLES)
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_who_may_do_what(route: tuple[str, str], kind: str, client: APIClient) -> None:
    register("root", "x").user.appoint(Role.SUPERUSER)
    caller = client if kind == "nobody" else as_kind(kind).client
    others = {"user": as_kind("user", "other").user, "viewer": as_kind("viewer", "looker").user}
    (step, whose) = route
    method, _, field = step.partition(" ")
    paths = {"": USERS, "nothing": f"{USERS}/{ObjectId()}"} | {k: url(u) for k, u in others.items()}
    before = stored()

    answer = getattr(caller, method)(paths[whose], BODIES.get(field, {}))

    expected = dict(zip(ROLES, ROUTES[route].split(), strict=True))[kind]
    assert answer.status_code == int(expected), answer.content
    if answer.status_code >= 400:
        assert stored() == before
        assert not AuditEntry.objects


def as_kind(kind: str, name: str = "caller") -> Person:
    person = register(name, f"{name}-own")
    if kind != "user":
        person.user.appoint(Role(kind))
    return person


def stored() -> list[Any]:
    documents = (User, Operators, Session)
    return [list(document._get_collection().find().sort("_id")) for document in documents]


def test_a_browsers_change_needs_the_csrf_token(root: Person, bob: Person) -> None:
    page = browser("root", root.password)
    assert page.patch(url(bob.user), {"is_active": False}).status_code == 200
    page.credentials()
    assert page.patch(url(bob.user), {"is_active": True}).status_code == 403
    assert [user.username for user in User.objects(is_active=False)] == ["bob"]


def test_who_is_to_change_their_password_is_no_operator_before(root: Person, bob: Person) -> None:
    root.user._get_collection().update_one(
        {"_id": root.user.id}, {"$set": {"must_change_password": True}}
    )
    answer = root.client.get(USERS)
    assert (answer.status_code, answer.json()["code"]) == (403, "password_change_required")


@pytest.mark.parametrize("name", ["mallory", "root"])
def test_what_a_registration_smuggled_in_gives_no_right(name: str, root: Person) -> None:
    """Also if it had the name of an operator."""
    Operators.objects.update(set__people=[])
    root.user.appoint(Role.SUPERUSER)
    User._get_collection().delete_one({"username": "root"})
    person = register(name, "as-they-like")
    User._get_collection().update_one({"_id": person.user.id}, {"$set": SMUGGLED})
    for method in ("get", "patch", "delete"):
        assert getattr(person.client, method)(url(person.user), {}).status_code == 403
    assert person.client.get(USERS).status_code == 403


# --- The list ------------------------------------------------------------------------------------


def names(client: APIClient, query: str = "") -> list[str]:
    answer = client.get(f"{USERS}?{query}")
    assert answer.status_code == 200, answer.content
    return [user["username"] for user in answer.json()["results"]]


def test_a_user_in_the_list(root: Person, bob: Person) -> None:
    first, second = root.client.get(USERS).json()["results"]
    assert first == {
        "id": str(bob.user.id),
        "username": "bob",
        "is_active": True,
        "must_change_password": False,
        "role": None,
        "date_joined": format_time(bob.user.date_joined),
        "last_login": None,
        "url": f"http://testserver{USERS}/{bob.user.id}",
    }
    assert root.client.get(first["url"]).json() == first
    assert (second["username"], second["role"]) == ("root", "superuser")


def test_pages_go_through_all_names_and_back(root: Person) -> None:
    for n in range(7):
        User(username=f"user-{n}", password="!").save()
    expected = ["root", *(f"user-{n}" for n in range(7))]
    for order, wanted in (("username", expected), ("-username", expected[::-1])):
        pages, link = [], f"{USERS}?limit=3&ordering={order}"
        while link:
            page = root.client.get(link).json()
            pages.append([user["username"] for user in page["results"]])
            link, last = page["next"], page
        assert pages == [wanted[:3], wanted[3:6], wanted[6:]]
        before = root.client.get(last["previous"]).json()["results"]
        assert [user["username"] for user in before] == wanted[3:6]


def test_pages_go_on_after_a_name_of_any_length(root: Person) -> None:
    long = "a" * 3000  # the Flask service took it
    User(username=long, password="!").save()
    first = root.client.get(f"{USERS}?limit=1&ordering=username").json()
    assert first["results"][0]["username"] == long
    assert names(root.client, first["next"].partition("?")[2]) == ["root"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("LIC", ["alice"]),
        ("a.b", ["A.B*(c"]),
        ("*(", ["A.B*(c"]),
        (".*", []),
        ("ÉL", ["él"]),
        ("", ["A.B*(c", "alice", "root", "él"]),
        ("$ne", []),
    ],
)
def test_a_search_is_for_plain_text_of_whatever_case(
    search: str, found: list[str], root: Person, alice: Person
) -> None:
    for name in ("A.B*(c", "él"):
        User(username=name, password="!").save()
    assert names(root.client, f"search={quote(search)}") == found


def test_a_search_has_no_more_characters_than_every_store_takes(root: Person) -> None:
    for text in ("*" * 500, "a" * 500):
        assert names(root.client, f"search={quote(text)}") == []
    answer = root.client.get(f"{USERS}?search={'a' * 501}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"] == "Give at most 500 characters."


def test_the_inactive_are_found_apart(root: Person, alice: Person, bob: Person) -> None:
    bob.user.deactivate()
    assert names(root.client, "is_active=false") == ["bob"]
    assert names(root.client, "is_active=0") == ["bob"]
    assert names(root.client, "is_active=true") == ["alice", "root"]
    assert root.client.get(f"{USERS}?count=true&is_active=false").json()["count"] == 1


@pytest.mark.parametrize(
    "query",
    [
        *("is_active=2", "limit=0", "limit=101", "ordering=password", "cursor=x", "role=staff"),
        *("search[$ne]=x", "search=a&search=b", "search=%00"),
    ],
)
def test_what_the_list_can_not_read_it_refuses(query: str, root: Person) -> None:
    assert root.client.get(f"{USERS}?{query}").status_code == 400


def test_a_cursor_is_good_for_its_own_list(root: Person, alice: Person) -> None:
    link = root.client.get(f"{USERS}?limit=1&search=o").json()["next"]
    assert link is None
    link = root.client.get(f"{USERS}?limit=1").json()["next"]
    assert root.client.get(link.replace("limit=1", "limit=1&search=o")).status_code == 400
    (cursor,) = re.findall("cursor=([^&]*)", link)
    assert root.client.get(f"/api/v1/templates?cursor={cursor}").status_code == 400


# --- One user ------------------------------------------------------------------------------------


def test_who_is_deactivated_gets_a_401_at_the_next_request(staff: Person, bob: Person) -> None:
    answer = staff.client.patch(url(bob.user), {"is_active": False})
    assert answer.json()["is_active"] is False
    assert bob.client.get("/api/v1/templates").status_code == 401
    assert log_in("bob", bob.password).status_code == 401
    assert staff.client.patch(url(bob.user), {"is_active": True}).json()["is_active"] is True
    assert log_in("bob", bob.password).status_code == 200


def test_what_is_done_is_audited(staff: Person, bob: Person) -> None:
    headers = {"HTTP_X_REQUEST_ID": "r-1", "REMOTE_ADDR": "192.0.2.9", "HTTP_USER_AGENT": "Tool/1"}
    staff.client.patch(url(bob.user), {"is_active": False}, **headers)
    (entry,) = AuditEntry.objects
    assert (entry.action, entry.username, entry.by) == ("user_deactivated", "bob", "staff")
    assert (entry.ip, entry.user_agent, entry.request_id) == ("192.0.2.9", "Tool/1", "r-1")


def test_what_changes_nothing_is_not_done(staff: Person, bob: Person) -> None:
    as_it_is = staff.client.get(url(bob.user)).json()
    body = {name: as_it_is[name] for name in ("is_active", "must_change_password", "role")}
    assert staff.client.patch(url(bob.user), body).json() == as_it_is
    assert bob.client.get("/api/v1/templates").status_code == 200
    assert not AuditEntry.objects


def test_several_things_at_once(root: Person, bob: Person) -> None:
    bob.user.deactivate()
    body = {"is_active": True, "role": "viewer", "must_change_password": True}
    answer = root.client.patch(url(bob.user), body)
    assert {name: answer.json()[name] for name in body} == body
    answer = root.client.patch(url(bob.user), {"must_change_password": False})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "must_change_password"
    answer = root.client.patch(url(bob.user), {"role": None})
    assert answer.json()["role"] is None


def test_staff_does_nothing_of_what_it_may_not_do_in_part(staff: Person, bob: Person) -> None:
    body = {"must_change_password": True, "role": "superuser"}
    assert staff.client.patch(url(bob.user), body).status_code == 403
    assert bob.client.get("/api/v1/templates").status_code == 200


def test_who_is_deactivated_is_given_no_role(root: Person, bob: Person) -> None:
    before = stored()
    answer = root.client.patch(url(bob.user), {"is_active": False, "role": "staff"})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (400, "role")
    assert error["message"] == "Who is deactivated has no role: send null, or leave it out."
    assert stored() == before
    bob.user.appoint(Role.VIEWER)
    answer = root.client.patch(url(bob.user), {"is_active": False, "role": None})
    assert (answer.json()["is_active"], answer.json()["role"]) == (False, None)


@pytest.mark.parametrize(
    "body",
    [
        *({"role": None}, {"role": "staff"}, {"is_active": False}),
        {"is_active": False, "must_change_password": True},
    ],
)
def test_the_last_superuser_stays(body: dict[str, Any], root: Person) -> None:
    before = stored()
    answer = root.client.patch(url(root.user), body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_superuser")
    assert stored() == before
    assert root.client.delete(url(root.user)).json()["code"] == "last_superuser"
    assert root.client.get(USERS).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"role": None, "is_active": False},
        {"role": "staff", "must_change_password": True},
        {"role": None, "is_active": False, "must_change_password": True},
    ],
)
def test_who_gives_up_their_own_role_does_all_that_they_ask_for(
    body: dict[str, Any], root: Person, bob: Person
) -> None:
    bob.user.appoint(Role.SUPERUSER)
    root.client.patch(url(root.user), body)
    seen = bob.client.get(url(root.user)).json()
    role = body["role"] if body.get("is_active", True) else None
    assert (seen["role"], seen["is_active"]) == (role, body.get("is_active", True))
    assert seen["must_change_password"] == body.get("must_change_password", False)


def test_nobody_raises_themselves(staff: Person) -> None:
    answer = staff.client.patch(url(staff.user), {"role": "superuser"})
    assert answer.status_code == 403
    assert staff.client.get(url(staff.user)).json()["role"] == "staff"


@pytest.mark.parametrize(
    "body",
    [
        *({"is_active": "maybe"}, {"is_active": None}, {"is_active": {"$ne": 1}}),
        *({"role": "root"}, {"role": 1}, {"password": "x"}, {"last_name": "x"}),
        *({"is_staff": True}, {"_id": "x"}, {"$set": {"is_active": False}}),
        [],
    ],
)
def test_what_it_can_not_read_it_refuses(body: Any, root: Person, bob: Person) -> None:
    before = stored()
    assert root.client.patch(url(bob.user), body).status_code == 400
    assert stored() == before


def test_who_is_deleted_is_gone_with_all_that_is_theirs(staff: Person, bob: Person) -> None:
    Template.create(bob.name, {"template": "mine"})
    assert staff.client.delete(url(bob.user)).status_code == 204
    assert bob.client.get("/api/v1/templates").status_code == 401
    assert Template.objects.count() == 0
    assert staff.client.get(url(bob.user)).status_code == 404
    (entry,) = AuditEntry.objects
    assert (entry.action, entry.username) == ("user_erased", "bob")


def test_what_can_only_be_read_stays_and_is_named(root: Person, bob: Person) -> None:
    as_it_is = root.client.get(url(bob.user)).json()
    body = {"id": "x", "username": "eve", "last_login": "2026-01-01T00:00:00Z", "is_active": False}
    answer = root.client.patch(url(bob.user), body)
    assert answer.status_code == 400
    named = {(error["field"], error["code"]) for error in answer.json()["errors"]}
    assert named == {(name, "read_only") for name in ("id", "username", "last_login")}
    assert root.client.get(url(bob.user)).json() == as_it_is


IDS: list[Any] = [None, "x", "a/b?c", "6" * 24, 5, 2.5, True, {"a": 1}, {"a": {"b": ""}}, b"\0"]


@pytest.mark.wire  # mongomock replaces no document whose _id is null or an object
@pytest.mark.parametrize("id", IDS, ids=repr)
def test_an_id_that_the_flask_service_let_in_is_as_good(id: Any, root: Person, bob: Person) -> None:
    User._get_collection().insert_one({"_id": id, "username": "mallory", "password": "!"})
    listed = root.client.get(f"{USERS}?search=mallory").json()["results"][0]
    path = f"{USERS}/{listed['id']}"
    assert root.client.get(path).json() == listed
    assert root.client.patch(path, {"is_active": False}).json()["is_active"] is False
    assert [user.username for user in User.objects(is_active=False)] == ["mallory"]
    assert root.client.delete(path).status_code == 204
    assert {user.username for user in User.objects.not_erased()} == {"bob", "root"}


@pytest.mark.parametrize("id", ["x", "~", "~x", "~e30", "$ne", "me%00", "6" * 23, "%7B%7D"])
def test_an_id_that_is_none_is_not_found(id: str, root: Person) -> None:
    assert root.client.get(f"{USERS}/{id}").status_code == 404


@pytest.mark.parametrize("name", [5, None, ["bobby"], {"a": 1}])
def test_a_name_that_is_no_text_breaks_no_list(name: Any, root: Person, bob: Person) -> None:
    User._get_collection().insert_one({"username": name, "password": "!"})
    assert names(root.client) == ["bob", "root"]


@pytest.mark.wire
def test_the_list_makes_three_round_trips(root: Person, bob: Person, commands: Commands) -> None:
    root.client.get(f"{USERS}?search=o")
    assert [next(iter(command)) for command in commands] == ["aggregate", "find", "find"]


def test_the_path_says_which_methods_it_takes_whoever_answers(alice: Person) -> None:
    for method in (alice.client.get, alice.client.options, alice.client.put):
        assert method("/api/v1/users")["Allow"] == "GET, POST, HEAD, OPTIONS"


@pytest.mark.store
def test_odd_names_end_no_list(root: Person) -> None:
    odd: list[Any] = ["", ["a", "b"], [], 5, None, {"a": "b"}]
    User._get_collection().insert_many([{"username": name, "password": "!"} for name in odd])
    for number in range(4):
        User.register(f"user-{number}", "a-password")
    names, url = list[str](), f"{USERS}?limit=2&count=true"
    while url:
        page = root.client.get(url).json()
        names += [user["username"] for user in page["results"]]
        assert page["count"] == 6
        url = page["next"]
    assert names == ["", "root", *(f"user-{number}" for number in range(4))]
    back = root.client.get(f"{USERS}?limit=2&ordering=-username").json()
    assert [user["username"] for user in back["results"]] == ["user-3", "user-2"]


def test_one_of_two_limits_changes_and_the_other_stays(root: Person, alice: Person) -> None:
    root.client.patch(f"{url(alice.user)}/quota", {"max_documents": 5})
    answer = root.client.patch(f"{url(alice.user)}/quota", {"max_bytes": 1000})
    assert (answer.json()["max_documents"], answer.json()["max_bytes"]) == (5, 1000)
    operations.limit(Actor.at_shell("test"), alice.user, {"documents": 6})
    operations.limit(Actor.at_shell("test"), alice.user, {"bytes": None})
    limits = Usage.of("alice")
    assert (limits.max_documents, limits.max_bytes) == (6, None)

"""Every page of the operators' site: who is let in, with and without a slash, and at what cost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import audit
from accounts.admin import dashboard
from accounts.audit import Action, AuditEntry
from accounts.clients import Client as Address
from accounts.documents import Session
from accounts.operators import Role
from templatesvc.admin import site
from templatesvc.mongo import indexes
from tests.accounts.operators import browser_of, operator, page_of
from tests.accounts.rights import may
from tests.conftest import Person
from tests.resources import RESOURCES, keep, keep_deleted, path_of

MOST_ROUND_TRIPS = 12
WHO = ("nobody", "user", "viewer", "staff", "superuser")
# Where a page sends somebody (to log in: "login"), or its status.
LOGIN = "login login 200 200 200"
TABLE = {
    # nobody, user, viewer, staff, superuser
    "login": "200 200 302 302 302",
    "": LOGIN,
    "health": LOGIN,
    "accounts": LOGIN,
    "jsi18n": LOGIN,
    "password_change": LOGIN,
    "no/such/page": "login login 404 404 404",
    "accounts/user": LOGIN,
    # It leads to the page of whom its query names.
    "accounts/user/named": "login login 404 404 404",
    "accounts/user/{pk}/change": LOGIN,
    "accounts/user/{pk}/history": LOGIN,
    "accounts/session": LOGIN,
    "accounts/session/{pk}/change": LOGIN,
    "accounts/auditentry": LOGIN,
    "accounts/auditentry/export": LOGIN,
    "accounts/auditentry/{pk}/change": LOGIN,
}
OPERATIONS = {
    "accounts/user/add": "create",
    "accounts/user/{pk}/deactivate": "deactivate",
    "accounts/user/{pk}/end_sessions": "end sessions",
    "accounts/user/{pk}/set_password": "set a password",
    "accounts/user/{pk}/force_password_change": "force a change",
    "accounts/user/{pk}/appoint": "appoint",
    "accounts/user/{pk}/limit": "change a quota",
    "accounts/user/{pk}/export": "export",
    "accounts/user/{pk}/erase": "erase",
    "accounts/session/{pk}/end": "end a session",
}
# Of an active user, to whom it does not apply: whoever may do it is sent to the user's page.
NEEDLESS = {
    "accounts/user/{pk}/reactivate": "reactivate",
    "accounts/user/{pk}/unlock": "unlock",
}
# The form of a document, which only some may send.
FORMS = {f"{path_of(admin)}/{{pk}}/change" for admin in RESOURCES}
for admin in RESOURCES:
    for pages in (admin, site.admins[admin.document.Version]):
        path = path_of(pages)
        TABLE |= {f"{path}/{{pk}}/{page}": LOGIN for page in ("change", "history")}
        TABLE |= {f"{path}/{{pk}}/versions/{{number}}": LOGIN}
        TABLE |= {path: LOGIN, admin.opts.app_label: LOGIN}
        OPERATIONS |= {f"{path}/add": "add a document"} if pages.add_form_class else {}
        OPERATIONS |= {f"{path}/{{pk}}/{a.name}": f"{a.name} a document" for a in pages.actions}
for done, named in (("200", OPERATIONS), ("302", NEEDLESS)):
    TABLE |= {
        page: " ".join(["login", "login", *(done if may(role, name) else "403" for role in Role)])
        for page, name in named.items()
    }
# They take a POST only, or there is nothing to add.
NO_PAGES = {"logout"} | {
    f"{path_of(admin)}/add" for admin in site.admins.values() if not admin.add_form_class
}


@pytest.fixture
def documents(alice: Person) -> dict[str, Any]:
    """A document of each kind, by the path of its list."""
    theirs = {path_of(admin): keep(admin, alice.name, "First") for admin in RESOURCES}
    for document in theirs.values():  # so that it has an earlier version
        found = type(document).objects.of(alice.name).filter(id=document.id)
        found.replace(document.own_values)
    for admin in RESOURCES:
        path = path_of(site.admins[admin.document.Version])
        theirs[path] = keep_deleted(admin, alice.name, "Second")
    audit.record(Action.LOGGED_IN, alice.name, Address())
    return theirs | {
        "accounts/user": alice.user,
        "accounts/session": Session.of(alice.user).first(),
        "accounts/auditentry": AuditEntry.objects.first(),
    }


@pytest.fixture
def paths(documents: dict[str, Any]) -> dict[str, str]:
    """Each path of the table, and what to ask for it."""

    def path(name: str) -> str:
        if "{pk}" not in name:
            return f"/admin/{name}"
        listed, page = name.split("/{pk}/")
        if page.startswith("versions"):
            return page_of(documents[listed], "version", 1)
        return page_of(documents[listed], page)

    return {name: path(name) for name in TABLE}


def visitor(who: str) -> Client:
    if who == "nobody":
        return Client(raise_request_exception=False)
    return browser_of(operator(who, None if who == "user" else Role(who)))


def outcome(answer: Any) -> str:
    location = answer.headers.get("Location", "")
    return "login" if location.startswith("/admin/login") else str(answer.status_code)


@pytest.mark.parametrize("who", WHO)
def test_each_page_lets_in_whom_it_should(who: str, paths: dict[str, str]) -> None:
    browser, place = visitor(who), WHO.index(who)
    for slash in ("", "/"):
        met = {n: outcome(browser.get(p.rstrip("/") + slash)) for n, p in paths.items()}
        assert met == {name: row.split()[place] for name, row in TABLE.items()}


def test_the_table_has_every_page_there_is() -> None:
    assert set(TABLE) - {"no/such/page"} | NO_PAGES == set(routed())


def routed() -> list[str]:
    (admin,) = (
        pattern
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLResolver) and pattern.namespace == site.name
    )
    names = [written(pattern) for pattern in admin.url_patterns if pattern.name]
    labels = {made.opts.app_label for made in site.admins.values()}
    return [name for name in names if "app_label" not in name] + sorted(labels)


def written(pattern: URLPattern) -> str:
    """Return a pattern as the table has it."""
    text = str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix("/?")
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", text)


@pytest.mark.wire
def test_each_page_makes_few_round_trips(
    paths: dict[str, str], commands: list[dict[str, Any]]
) -> None:
    dashboard._estimates.cache_clear()
    browser, cost = visitor("superuser"), {}
    for name, path in paths.items():
        commands.clear()
        answer = browser.get(path)
        assert answer.status_code in (200, 302, 404)
        cost[name] = len(commands)
    # It asks each collection for its indexes.
    cost["health"] -= len({index.document for index in indexes.declared()})
    # And each, but once in ten seconds, for how many documents it has.
    cost[""] -= len(dashboard.counted())
    # It counts what is to be deleted of each resource.
    cost["accounts/user/{pk}/erase"] -= len(RESOURCES)
    assert {name: made for name, made in cost.items() if made >= MOST_ROUND_TRIPS} == {}


@pytest.mark.wire
def test_what_names_one_value_comes_first_in_each_query(
    alice: Person, commands: list[dict[str, Any]]
) -> None:
    """A server that takes the first index that fits would else read all sessions that stand."""
    browser = visitor("superuser")
    commands.clear()
    browser.get("/admin/accounts/session?user=alice")
    sent = [command["filter"] for command in commands if command.get("find") == "sessions"]
    assert next(iter(sent[0])) == "_id"  # the browser's own
    assert {next(iter(query)) for query in sent[1:]} == {"user_id"}


def test_a_user_who_is_no_operator_is_told_so(client: Client) -> None:
    browser = visitor("user")
    page = browser.get("/admin/", follow=True).content.decode()
    assert "You are authenticated as user, but are not authorized" in page


@pytest.mark.parametrize("who", ["user", "viewer", "staff"])
def test_a_forged_post_changes_nothing(who: str, paths: dict[str, str], alice: Person) -> None:
    """A page of another site can have a browser post, with its cookie and without the token."""
    browser = browser_of(
        operator(who, None if who == "user" else Role(who)), enforce_csrf_checks=True
    )
    for path in paths.values():
        answer = browser.post(path, {"post": "yes", "reason": "x", "name": "alice", "role": ""})
        assert answer.status_code == 403
    alice.user.reload()
    assert alice.user.is_active
    for admin in RESOURCES:
        assert [d.version for d in admin.document.objects.of(alice.name)] == [2]
    assert Session.of(alice.user).count() == 1


def test_a_viewer_who_posts_is_refused(paths: dict[str, str], alice: Person) -> None:
    browser = visitor("viewer")
    form = {"post": "yes", "reason": "x", "name": "alice", "kind": "text", "template": "mine"}
    for name, path in paths.items():
        if "403" in TABLE[name] or name in FORMS:
            assert browser.post(path, form).status_code == 403, name
    ticked = {"action": "deactivate", "post": "yes", "_selected_action": str(alice.user.id)}
    assert browser.post("/admin/accounts/user", ticked).status_code == 403
    alice.user.reload()
    assert alice.user.is_active


def test_a_viewer_sees_nothing_to_press(paths: dict[str, str]) -> None:
    browser = visitor("viewer")
    for name in ("accounts/user", "accounts/user/{pk}/change", *FORMS):
        page = browser.get(paths[name]).content.decode()
        for word in ("Deactivate", "Erase", "Delete<", 'value="Save"', 'name="action"', "Add user"):
            assert word not in page, (name, word)


def test_the_api_is_not_let_in_by_the_operators_messages(alice: Person) -> None:
    """Messages are a cookie of the operators' pages: no API request reads or writes one."""
    answer = alice.client.get("/api/v1/templates", HTTP_COOKIE="messages=x")
    assert answer.status_code == 200
    assert "messages" not in answer.cookies

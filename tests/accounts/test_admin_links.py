"""Whatever an operator reads of somebody, or of a document, leads to its page, and back."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.audit import AuditEntry
from accounts.documents import Session, User
from accounts.operators import Role
from templates_app.documents import Template
from tests.accounts.operators import operators_browser, page_of, text
from tests.conftest import Person

USERS, AUDIT = "/admin/accounts/user", "/admin/accounts/auditentry"
TEMPLATES = "/admin/templates_app/template"


@pytest.fixture
def root() -> Client:
    return operators_browser("root")


def links(answer: Any) -> dict[str, str]:
    """Return the URL of each link of a page by its text."""
    found = re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', answer.content.decode())
    return {html.unescape(text): html.unescape(url) for url, text in found}


def urls(answer: Any) -> list[str]:
    return [html.unescape(url) for url in re.findall(r'href="([^"]*)"', answer.content.decode())]


def test_a_name_leads_to_the_one_page_of_its_user(root: Client, alice: Person) -> None:
    User.register("alice-2", "alices-1")
    template = Template.create(alice.name, {"template": "First"})
    root.post(page_of(template, "delete"), {"post": "yes", "reason": "spam"})
    version = Template.Version.objects.first()
    (session,) = Session.of(alice.user)
    entry = AuditEntry.objects(action="template_deleted").first()
    for path in (
        *("/admin/accounts/session", page_of(session), AUDIT, page_of(entry)),
        *("/admin/templates_app/deletedtemplate", page_of(version)),
    ):
        answer = root.get(links(root.get(path))["alice"])
        assert answer.headers["Location"] == page_of(alice.user), path


def test_a_name_that_nobody_has_leads_on_to_the_audit(root: Client) -> None:
    answer = root.get(f"{USERS}/named?username=<b>")
    assert answer.status_code == 404
    assert "Nobody is called “&lt;b&gt;” now." in text(answer)
    assert links(answer)["What the audit says of the name"] == f"{AUDIT}?user=%3Cb%3E"


def test_who_is_being_erased_still_has_a_page(root: Client, alice: Person) -> None:
    root.post(page_of(alice.user, "erase"), {"post": "yes", "name": "alice"})
    answer = root.get(f"{USERS}/named?username=alice")
    assert answer.headers["Location"] == page_of(alice.user)


def test_a_document_in_the_audit_leads_to_its_page(root: Client, alice: Person) -> None:
    template = Template.create(alice.name, {"template": "First"})
    root.post(page_of(template, "delete"), {"post": "yes", "reason": "spam"})
    name = f"templates/{template.id}"
    assert links(root.get(AUDIT))[name] == page_of(template)
    assert links(root.get(page_of(alice.user, "history")))[name] == page_of(template)
    gone = root.get(page_of(template))
    assert gone.status_code == 404
    assert links(gone)["Deleted templates"] == "/admin/templates_app/deletedtemplate"


def test_what_is_one_users_is_reached_from_their_page(root: Client, alice: Person) -> None:
    shown = links(root.get(page_of(alice.user)))
    assert shown["Sessions"] == "/admin/accounts/session?user=alice"
    assert shown["Templates"]  # the list of all, in the bar at the side, has the same name
    assert f"{TEMPLATES}?owner=alice" in root.get(page_of(alice.user)).content.decode()
    assert shown["Audit"] == f"{AUDIT}?user=alice"


def test_the_way_back_leads_to_the_list_as_it_was(root: Client, alice: Person) -> None:
    listed = f"{USERS}?active=yes&q=ali"
    page = links(root.get(listed))["alice"]
    assert page.startswith(f"{page_of(alice.user)}?")
    back = links(root.get(page))
    assert listed in urls(root.get(page))
    asking = links(root.get(back["Erase"]))
    assert asking["No, take me back"] == page
    done = root.post(back["Erase"], {"post": "yes", "name": "alice"})
    assert done.headers["Location"] == listed


def test_the_way_back_leads_over_the_versions_in_a_history(root: Client, alice: Person) -> None:
    listed = f"{TEMPLATES}?owner=alice&kind=text"
    template = Template.create(alice.name, {"template": "First"})
    template = Template.objects.as_seen(template).replace({"template": "Second"})
    page = links(root.get(listed))["Second"]
    history = links(root.get(page))["History"]
    version = links(root.get(history))["Version 1 was replaced."]
    shown = root.get(version)
    assert listed in urls(shown)
    assert page in urls(shown)
    restored = root.post(version, {"reason": "x", "_state": template.etag})
    assert restored.headers["Location"] == page


@pytest.mark.parametrize("kept", ["//evil.example", "%ff", '"><script>'])
def test_a_way_back_leads_to_the_list_whatever_a_url_says(
    root: Client, alice: Person, kept: str
) -> None:
    page = root.get(page_of(alice.user), {"_changelist_filters": kept})
    back = [url for url in urls(page) if url.startswith(f"{USERS}?")]
    assert back == [f"{USERS}?{kept}"]


# --- Pages that refuse ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["no/such/page", "accounts/user/xyz/change", f"accounts/user/{0:024}/change"]
)
def test_a_page_that_is_not_there_looks_like_the_others_and_leads_home(
    root: Client, path: str
) -> None:
    answer = root.get(f"/admin/{path}")
    assert answer.status_code == 404
    assert "Page not found" in text(answer)
    assert links(answer)["Home"] == "/admin/"
    assert "Log out" in text(answer)


def test_who_may_not_is_told_so_on_a_page_of_the_site(alice: Person) -> None:
    answer = operators_browser("viewer", Role.VIEWER).get(page_of(alice.user, "erase"))
    assert answer.status_code == 403
    assert "Your role, viewer, does not allow this." in text(answer)
    assert links(answer)["Home"] == "/admin/"


# --- The list of users ----------------------------------------------------------------------------


def test_the_list_shows_roles_and_says_that_times_are_in_utc(root: Client, alice: Person) -> None:
    page = text(root.get(USERS))
    for header in ("Role", "Joined (UTC)", "Last log-in (UTC)"):
        assert header in page
    assert re.search(r"root superuser", page)
    assert re.search(r"alice - ", page)


# --- The lists of lists ---------------------------------------------------------------------------


def test_the_bar_at_the_side_begins_with_users_and_ends_with_the_audit(root: Client) -> None:
    names = re.findall(r'scope="row".*?<a href="(.*?)"', root.get("/admin/").content.decode(), re.S)
    resources = [name for name in names if name.startswith("/admin/templates_app/")]
    assert resources
    assert names[0] == USERS
    assert names[-2:] == ["/admin/accounts/session", AUDIT]
    assert set(names[1:-2]) >= set(resources)


def test_the_page_of_an_app_has_its_lists_and_no_charts(root: Client) -> None:
    page = text(root.get("/admin/accounts"))
    for name in ("Users", "Sessions", "Audit entries"):
        assert name in page
    assert "Home &rsaquo; Accounts administration" in page
    assert "failed log-in" not in page
    assert "30 days" not in page

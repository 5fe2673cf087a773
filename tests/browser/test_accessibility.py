"""Pages that everybody can use: axe finds nothing serious, in both themes, on phone and desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from accounts.documents import User
from tests import admin_pages, api_pages
from tests.accounts.operators import PASSWORD
from tests.browser import axe, people
from tests.browser.people import (
    log_in,
    log_in_as_operator,
    raw_data,
    register,
    wait_for_scripts,
)
from tests.processes import Service

pytestmark = pytest.mark.browser
Looks = list[axe.Look]


@pytest.fixture(
    params=[axe.LOOKS[:1], pytest.param(axe.LOOKS[1:], marks=pytest.mark.long)],
    ids=["one look", "the others"],
)
def looks(request: pytest.FixtureRequest) -> Looks:
    found: Looks = request.param
    return found


def test_axe_notices_a_field_without_a_name(page: Page, looks: Looks) -> None:
    page.goto("/admin/login")
    page.evaluate("document.querySelector('label').remove()")
    found = axe.faults(page, looks)
    assert len(found) == len(looks)
    assert all("label at #id_username" in fault for fault in found)


def test_the_operators_log_in_page(page: Page, looks: Looks) -> None:
    page.goto("/admin/login")
    assert axe.faults(page, looks) == []


# --- The operators' pages ---------------------------------------------------------------------


def wide(page: Page, looks: Looks) -> list[str]:
    """Return the looks in which the page is wider than its window: a table scrolls in its box."""
    width = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    return [look for look in axe.shown(page, looks) if page.evaluate(width)]


LONG = [pytest.param(kind, marks=pytest.mark.long) for kind in ("users", "sessions", "templates")]


@pytest.mark.parametrize("kind", ["site", "audit", *LONG])
def test_the_operators_pages(page: Page, kind: str, looks: Looks) -> None:
    pages = admin_pages.made()
    log_in_as_operator(page, "root", PASSWORD)
    for path in pages[kind]:
        page.goto(path)
        assert axe.faults(page, looks) == [], path
        assert wide(page, looks) == [], path


# --- The API's pages ------------------------------------------------------------------------------


def opened(page: Page, path: str) -> None:
    page.goto(path)
    if page.locator("script[src*=bootstrap]").count():
        wait_for_scripts(page)  # they colour the answer


@pytest.mark.long
def test_the_pages_of_the_api(page: Page, service: Service, looks: Looks) -> None:
    register(service)
    log_in(page)
    user = User.named("alice")
    assert user
    found = {}
    for path in api_pages.own(user):
        opened(page, path)
        found[path] = axe.faults(page, looks)
    assert {path: faults for path, faults in found.items() if faults} == {}


def test_the_pages_of_the_api_for_nobody(page: Page, looks: Looks) -> None:
    for path in api_pages.OPEN:
        opened(page, path)
        assert axe.faults(page, looks) == []


def test_what_comes_of_mistakes(page: Page, service: Service, looks: Looks) -> None:
    register(service)
    log_in(page, then=api_pages.LIST)
    raw_data(page).fill("{,}")
    people.press(page, "POST raw data")
    page.get_by_label("Content:").and_(page.locator("[aria-invalid]")).wait_for()
    assert axe.faults(page, looks) == []
    opened(page, "/api/v1/users/me/password")
    page.get_by_label("New password").fill("another-one-1")
    people.press(page, "Change password")
    page.locator(".has-error").first.wait_for()
    assert axe.faults(page, looks) == []
    opened(page, "/api/v1/users/me")
    people.press(page, "DELETE")
    page.get_by_role("dialog").wait_for()
    assert axe.faults(page, looks) == []


# What Swagger UI itself has: the colours of its methods, a link and a button within the button of
# each operation, and the choice of a server, which has no label.
OF_SWAGGER_UI = ("color-contrast", "nested-interactive", "select-name")


@pytest.mark.long
def test_the_documentation_has_only_what_swagger_ui_brings(page: Page, looks: Looks) -> None:
    page.goto("/api/v1/docs")
    page.locator(".opblock").first.wait_for()
    rules = {fault.partition(": ")[2].partition(" ")[0] for fault in axe.faults(page, looks)}
    assert rules == set(OF_SWAGGER_UI)
    page.get_by_role("link", name="What errors mean").click()
    page.wait_for_url("**/problems")

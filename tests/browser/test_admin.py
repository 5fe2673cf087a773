"""An operator at work in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pymongo
import pytest
from playwright.sync_api import Page, expect

from accounts.documents import User
from accounts.operators import Role
from tests.accounts.operators import PASSWORD, operator
from tests.browser.people import admin, keep, log_in_as_operator, register
from tests.processes import Service

pytestmark = pytest.mark.browser

# What a person fills in, and so has a label.
FIELDS = "input:not([type=hidden], [type=submit], [type=button]), select, textarea"
MANY, VERY_MANY = 300, 100_000


@pytest.fixture
def root() -> str:
    return operator("root").username


@pytest.fixture(params=[MANY, pytest.param(VERY_MANY, marks=pytest.mark.long)])
def many_users(request: pytest.FixtureRequest) -> Iterator[int]:
    """As many users as a test is run with."""
    users, count = User._get_collection(), request.param
    with pymongo.timeout(300):
        users.insert_many([{"username": f"user-{n:06}"} for n in range(count)])
    yield count
    with pymongo.timeout(300):
        users.delete_many({})


def act(page: Page, name: str) -> None:
    """Press a button of a document's page, and then the one on the page that asks."""
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("button", name=name, exact=True).click()


def told(page: Page, text: str) -> None:
    expect(page.locator(".messagelist")).to_contain_text(text)


@pytest.mark.long
def test_an_operator_finds_one_of_many_and_locks_them_out(
    page: Page, service: Service, root: str, many_users: int
) -> None:
    token = register(service, "Mallory-the-needle")
    assert service.get("/api/v1/users/me", token).status == 200
    log_in_as_operator(page, root, PASSWORD)
    page.get_by_role("link", name="Users", exact=True).first.click()
    expect(page.locator(".paginator")).to_contain_text("More than 100 users")
    page.locator("#searchbar").fill("THE-NEED")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Mallory-the-needle").click()
    act(page, "Deactivate")
    told(page, "“Mallory-the-needle” was deactivated.")
    assert service.get("/api/v1/users/me", token).status == 401


@pytest.mark.long
def test_one_session_is_ended_and_the_other_stays(page: Page, service: Service, root: str) -> None:
    first = register(service)
    body = {"username": "alice", "password": "wonderland-1"}
    second = service.post("/api/v1/login", body).json["access_token"]
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("user"))
    page.get_by_role("link", name="alice", exact=True).click()
    page.locator(".object-tools").get_by_role("link", name="Sessions", exact=True).click()
    expect(page.locator(".paginator")).to_contain_text("2 sessions")
    page.get_by_role("checkbox").last.check()  # the newest come first
    page.get_by_label("Action:").select_option(label="End session")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#content")).to_contain_text("refused from the next request")
    page.get_by_role("button", name="End session").click()
    told(page, "The session of “alice")
    assert service.get("/api/v1/users/me", first).status == 401
    assert service.get("/api/v1/users/me", second).status == 200


def test_a_list_fits_a_wide_window_and_breaks_no_name(
    page: Page, service: Service, root: str
) -> None:
    name = "margaret.hamilton"
    token = register(service, name)
    path = keep(service, token, {"kind": "book", "title": "Nineteen Eighty-Four"})
    service.request("DELETE", keep(service, token, "Farewell"), None, token)
    page.set_viewport_size({"width": 1280, "height": 800})
    log_in_as_operator(page, root, PASSWORD)
    page.goto(f"{admin('template')}/{path.rpartition('/')[2]}/delete")
    page.get_by_label("Reason:").fill("She asked for it.")
    page.get_by_role("button", name="Delete").click()
    told(page, "was deleted")
    for model in ("user", "session", "deletedtemplate", "auditentry"):
        page.goto(admin(model))
        is_scrolled = "box => box.scrollWidth > box.clientWidth"
        assert not page.locator(".results").evaluate(is_scrolled), model
        link = page.locator("#result_list").get_by_role("link", name=name, exact=True).first
        assert link.evaluate("link => link.getClientRects().length") == 1, model


def test_a_template_is_edited_and_seen_in_its_history(
    page: Page, service: Service, root: str
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("template"))
    page.get_by_role("link", name="Dear {name}").click()
    page.get_by_label("Template:").fill("Dear {name},\nthank you.")
    page.get_by_label("Reason:").fill("She asked for it.")
    page.get_by_role("button", name="Save").click()
    told(page, "was changed to")
    assert service.get(path, token).json["template"] == "Dear {name},\nthank you."
    page.get_by_role("link", name="History").click()
    expect(page.locator("#change-history")).to_contain_text("She asked for it.")
    expect(page.locator("#change-history")).to_contain_text("Version 1 was replaced.")


def test_who_saves_second_is_told_and_shown_both(page: Page, service: Service, root: str) -> None:
    token = register(service)
    path = keep(service, token, "First")
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("template"))
    page.get_by_role("link", name="First").click()
    service.request("PUT", path, {"template": "Alice's"}, token)
    page.get_by_label("Template:").fill("Root's")
    page.get_by_label("Reason:").fill("She asked for it.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("alice, the owner, saved")
    row = page.locator(".conflict").get_by_role("row", name="Template")
    expect(row).to_contain_text("Alice's")
    expect(row).to_contain_text("Root's")
    assert service.get(path, token).json["template"] == "Alice's"


@pytest.mark.long
def test_a_viewer_sees_no_buttons(page: Page, service: Service) -> None:
    keep(service, register(service), "First")
    operator("viewer", Role.VIEWER)
    log_in_as_operator(page, "viewer", PASSWORD)
    for model in ("user", "template", "session"):
        page.goto(admin(model))
        expect(page.get_by_role("checkbox")).to_have_count(0)
        row = page.locator("#result_list tbody tr").filter(has_text="alice").first
        row.locator("th a").click()
        expect(page.locator("#content")).to_contain_text("alice")
        # What is left are log-out, the colours, and the bar at the side.
        buttons = page.locator("#content").get_by_role("button")
        expect(buttons).to_have_count(0)
        acts = page.get_by_role("link", name=re.compile("Deactivate|Erase|Delete$|End"))
        expect(acts).to_have_count(0)


def test_a_user_who_is_no_operator_is_refused(page: Page, service: Service) -> None:
    register(service)
    page.goto("/admin/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("wonderland-1")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".errornote")).to_contain_text("not authorized to access this page")


@pytest.mark.long
def test_logging_out_leads_to_the_log_in_page(page: Page, service: Service, root: str) -> None:
    log_in_as_operator(page, root, PASSWORD)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Username")).to_be_focused()
    page.goto(admin("user"))
    expect(page.get_by_label("Username")).to_be_visible()


@pytest.mark.long
def test_it_all_goes_with_the_keyboard_and_without_scripts(
    service: Service, root: str, page: Page
) -> None:
    token = register(service)
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{service.port}", java_script_enabled=False
    )
    plain = context.new_page()
    plain.goto("/admin/")
    expect(plain.get_by_label("Username")).to_be_focused()
    plain.keyboard.type(root)
    plain.keyboard.press("Tab")
    plain.keyboard.type(PASSWORD)
    plain.keyboard.press("Enter")
    expect(plain.get_by_role("heading", name="Administration")).to_be_visible()
    plain.goto(admin("user"))
    plain.locator("#searchbar").focus()
    plain.keyboard.type("ali")
    plain.keyboard.press("Enter")
    plain.get_by_role("checkbox", name="Select alice").focus()
    plain.keyboard.press("Space")
    plain.get_by_label("Action:").select_option(label="Deactivate")
    plain.get_by_role("button", name="Go").press("Enter")
    plain.get_by_role("button", name="Deactivate").press("Enter")
    told(plain, "“alice” was deactivated.")
    assert service.get("/api/v1/users/me", token).status == 401
    context.close()


@pytest.mark.long
def test_every_page_has_a_name_a_heading_and_labels(
    page: Page, service: Service, root: str
) -> None:
    keep(service, register(service), "First")
    log_in_as_operator(page, root, PASSWORD)
    titles, fields = set(), 0
    for model in ("user", "session", "auditentry", "template"):
        page.goto(admin(model))
        row = page.locator("#result_list tbody tr").first
        link = row.get_by_role("link").first.get_attribute("href")
        assert link
        history = link.replace("/change", "/history")
        for path in (admin(model), link, *([history] if model in ("user", "template") else [])):
            page.goto(path)
            titles.add(page.title())
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            for field in page.locator(f"#content :is({FIELDS})").all():
                assert field.evaluate("e => e.labels?.length || e.ariaLabel"), path
                fields += 1
    assert len(titles) >= 8
    assert fields > 8


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_colours_that_the_system_prefers(
    page: Page, service: Service, root: str, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("user"))
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (shade == "rgb(255, 255, 255)") == (scheme == "light")


def test_all_of_a_page_are_selected_at_once(page: Page, service: Service, root: str) -> None:
    tokens = [register(service, name) for name in ("alice", "bob")]
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("user"))
    page.get_by_role("checkbox", name="Select all of this page").check()
    expect(page.locator(".action-counter")).to_have_text("3 of 3 selected")
    page.get_by_role("checkbox", name="Select root").uncheck()
    page.get_by_label("Action:").select_option(label="End all sessions")
    page.get_by_role("button", name="Go").click()
    page.get_by_role("button", name="End all sessions").click()
    told(page, "All sessions of 2 users were ended.")
    assert {service.get("/api/v1/users/me", token).status for token in tokens} == {401}


def test_what_is_long_in_a_list_does_not_make_its_rows_high(
    page: Page, service: Service, root: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    # What Chromium says in 109 characters; its headless shell says more, with its whole version.
    words = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    agent = f"{words} HeadlessChrome/156.0.0.0 Safari/537.36"
    page.context.set_extra_http_headers({"User-Agent": agent})
    log_in_as_operator(page, root, PASSWORD)
    page.goto(admin("session"))
    expect(page.locator("#result_list tbody tr").first).to_contain_text(agent)
    cells = page.locator("#result_list tbody tr").first.locator("td, th")
    line = float(cells.last.evaluate("cell => parseFloat(getComputedStyle(cell).lineHeight)"))
    height = cells.last.evaluate("cell => cell.clientHeight")
    assert height <= 6 * line

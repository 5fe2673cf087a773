"""Logging in and out on the page, and what those see who have not."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import (
    PASSWORD,
    answer,
    log_in,
    log_out,
    menu,
    press,
    register,
    wait_for_scripts,
)
from tests.processes import Service

pytestmark = pytest.mark.browser

DECOMPOSED = unicodedata.normalize("NFD", "Zoë")


def test_a_visitor_is_shown_the_way_to_log_in_and_back(page: Page, service: Service) -> None:
    register(service)
    page.goto("/api/v1/templates?limit=5")
    expect(answer(page)).to_contain_text("HTTP 401 Unauthorized")
    page.get_by_role("link", name="Log in to see it.").click()
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(answer(page)).to_contain_text("HTTP 200 OK")
    assert page.url.endswith("/api/v1/templates?limit=5")


def test_somebody_new_registers_and_goes_on_from_there(page: Page) -> None:
    page.goto("/api/v1/templates")
    page.get_by_role("link", name="Log in to see it.").click()
    page.get_by_role("link", name="Register").click()
    page.get_by_label("Username").fill("carol")
    page.get_by_label("Password:", exact=True).fill(PASSWORD)
    page.get_by_label("Password again:", exact=True).fill("another one")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("The two passwords are not the same.")
    expect(page.get_by_label("Username")).to_have_value("carol")
    for label in ("Password:", "Password again:"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    expect(menu(page, "carol")).to_be_visible()
    assert page.url.endswith("/api/v1/templates")


@pytest.mark.long
def test_a_wrong_password_is_told_and_the_name_kept(page: Page, service: Service) -> None:
    register(service)
    log_in(page, "alice", "a wrong one")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(page.get_by_label("Username")).to_have_value("alice")
    expect(page.get_by_label("Password")).to_have_value("")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice in wonderland", " with  spaces "),
        ("Zoë", "\N{LATIN SMALL LIGATURE FI}"),
        ("n" * 150, "p" * 128),
    ],
    ids=["spaces", "compatibility character", "longest"],
)
def test_a_name_and_a_password_are_taken_exactly(
    page: Page, service: Service, name: str, password: str
) -> None:
    register(service, name, password)
    log_in(page, name, password, then="/api/v1/users/me")
    answer_text = answer(page).inner_text()
    assert f'"username": "{name}"' in answer_text


@pytest.mark.long
@pytest.mark.parametrize(
    ("registered", "typed"),
    [("alice", "alice "), ("Alice", "alice"), ("finn", "\N{LATIN SMALL LIGATURE FI}nn")],
)
def test_a_name_that_only_looks_the_same_is_another_one(
    page: Page, service: Service, registered: str, typed: str
) -> None:
    register(service, registered)
    log_in(page, typed)
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")


@pytest.mark.long
def test_a_name_is_the_same_however_its_letters_are_composed(page: Page, service: Service) -> None:
    register(service, DECOMPOSED)
    log_in(page, DECOMPOSED, then="/api/v1/users/me")
    expect(answer(page)).to_contain_text('"username": "Zoë"')


@pytest.mark.long
def test_it_all_goes_with_the_keyboard_alone(page: Page, service: Service) -> None:
    register(service)
    page.goto("/api-auth/login?next=/api/v1/templates")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("/api/v1/templates")
    wait_for_scripts(page)
    page.get_by_label("Template", exact=True).focus()
    page.keyboard.type("Dear {name}")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(answer(page)).to_contain_text("HTTP 201 Created")
    wait_for_scripts(page)
    menu(page, "alice").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Log in", exact=True)).to_be_visible()


def test_logging_out_ends_the_session_of_every_open_page(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    other = page.context.new_page()
    other.goto("/api/v1/")
    log_out(other)
    expect(other.get_by_role("link", name="Log in")).to_be_visible()
    page.get_by_label("Template", exact=True).fill("Dear {name}")
    press(page, "POST")
    expect(answer(page)).to_contain_text("HTTP 401 Unauthorized")
    expect(page.get_by_role("alert")).to_contain_text("You are no longer logged in")


def test_a_log_in_sends_nobody_to_another_site(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then="https://example.org/")
    assert urlsplit(page.url).path.rstrip("/") == "/api/v1"

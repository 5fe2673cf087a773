"""A person and their templates, on the browsable API."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import (
    answer,
    delete,
    keep,
    log_in,
    log_out,
    menu,
    press,
    raw_data,
    register,
)
from tests.processes import Service

pytestmark = pytest.mark.browser

OBJECT = {"kind": "book", "author": "Orwell", "year": 1949}


def test_a_person_logs_in_creates_edits_and_deletes_a_template_and_logs_out(
    page: Page, service: Service
) -> None:
    token = register(service)
    log_in(page, then="/api/v1/templates")
    expect(menu(page, "alice")).to_be_visible()

    page.get_by_label("Template", exact=True).fill("Dear {name}")
    press(page, "POST")
    expect(answer(page)).to_contain_text("HTTP 201 Created")
    (template,) = service.get("/api/v1/templates", token).json["results"]
    assert template["template"] == "Dear {name}"

    page.goto("/api/v1/templates")
    answer(page).get_by_role("link", name=template["url"]).click()
    expect(page.get_by_label("Template", exact=True)).to_have_value("Dear {name}")
    page.get_by_label("Template", exact=True).fill("Dearest {name}")
    press(page, "PUT")
    expect(answer(page)).to_contain_text('"template": "Dearest {name}"')
    expect(answer(page)).to_contain_text('"version": 2')

    delete(page, "Delete")
    expect(page.get_by_role("status")).to_contain_text("The template was deleted.")
    expect(page.get_by_role("button", name="PUT")).to_have_count(0)
    assert service.get("/api/v1/templates", token).json["results"] == []

    page.get_by_role("link", name="Templates service").first.click()
    log_out(page)
    expect(page.get_by_role("link", name="Log in")).to_be_visible()
    expect(page.get_by_role("heading", name="Templates service")).to_be_visible()


@pytest.mark.long
def test_a_delete_can_be_thought_better_of(page: Page, service: Service) -> None:
    path = keep(service, register(service), "Dear {name}")
    log_in(page, then=path)
    delete(page, "Cancel")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.reload()
    expect(answer(page)).to_contain_text("HTTP 200 OK")


@pytest.mark.long
def test_the_raw_data_tab_takes_a_json_object(page: Page, service: Service) -> None:
    token = register(service)
    log_in(page, then="/api/v1/templates")
    raw_data(page).fill('{"template": {"kind": "book", "author": "Orwell", "year": 1949}}')
    press(page, "POST raw data")
    expect(answer(page)).to_contain_text("HTTP 201 Created")
    (template,) = service.get("/api/v1/templates", token).json["results"]
    assert template["template"] == OBJECT


@pytest.mark.long
def test_an_object_is_edited_as_json_only_and_stays_an_object(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, OBJECT)
    log_in(page, then=path)
    expect(page.get_by_label("Template", exact=True)).to_have_count(0)
    box = page.get_by_label("Content:")
    box.fill(box.input_value().replace("1949", "1948"))
    press(page, "PUT")
    expect(answer(page)).to_contain_text('"version": 2')
    assert service.get(path, token).json["template"] == OBJECT | {"year": 1948}


@pytest.mark.long
def test_an_empty_template_is_refused_beside_its_box(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    press(page, "POST")
    box = page.get_by_label("Template", exact=True)
    expect(box).to_have_accessible_description(re.compile("^A template can't be an empty text."))


@pytest.mark.parametrize("button", ["POST", "PUT"])
def test_a_text_that_is_refused_is_still_in_its_box(
    page: Page, service: Service, button: str
) -> None:
    token = register(service)
    path = keep(service, token, "short") if button == "PUT" else "/api/v1/templates"
    log_in(page, then=path)
    page.get_by_label("Template", exact=True).fill("x" * 100_001)
    press(page, button)
    expect(page.get_by_role("alert").first).to_contain_text("100,001")
    assert page.get_by_label("Template", exact=True).input_value() == "x" * 100_001


def test_json_that_is_refused_is_still_in_its_box(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    raw_data(page).fill('{"template": {"$set": "Orwell"}}')
    press(page, "POST raw data")
    expect(page.get_by_role("alert").first).to_contain_text("can't be kept")
    kept = page.get_by_label("Content:").input_value()
    assert json.loads(kept) == {"template": {"$set": "Orwell"}}


@pytest.mark.long
def test_a_template_that_is_there_already_is_refused_in_words(page: Page, service: Service) -> None:
    keep(service, register(service), "Dear {name}")
    log_in(page, then="/api/v1/templates")
    page.get_by_label("Template", exact=True).fill("Dear {name}")
    press(page, "POST")
    expect(page.get_by_role("alert")).to_have_text("Template already exists on your profile")


@pytest.mark.long
@pytest.mark.parametrize("text", ["\n\nDear {name},\n  thank you.\n", "  ", "a\tb", "&lt;"])
def test_a_text_saved_unchanged_stays_as_it_was(page: Page, service: Service, text: str) -> None:
    token = register(service)
    path = keep(service, token, text)
    log_in(page, then=path)
    press(page, "PUT")
    expect(answer(page)).to_contain_text('"version"')
    expect(page.get_by_label("request info")).to_contain_text("PUT")
    assert service.get(path, token).json["template"] == text


@pytest.mark.long
def test_somebody_elses_template_is_the_same_page_as_a_missing_one(
    page: Page, service: Service
) -> None:
    alices = keep(service, register(service, "alice"), "Dear {name}")
    missing = "/api/v1/templates/" + "0" * 24
    register(service, "bob")
    log_in(page, "bob")
    seen = []
    for path in (alices, missing):
        response = page.goto(path)
        assert response is not None
        assert response.status == 404
        seen.append(page.locator("body").inner_text().replace(path, ""))
    assert seen[0] == seen[1]
    assert "This does not exist, or it is not yours." in seen[0]
    assert "DELETE /" not in seen[0]
    expect(page.get_by_role("button", name="PUT")).to_have_count(0)


@pytest.mark.long
def test_the_page_of_a_template_does_not_spoil_its_json(page: Page, service: Service) -> None:
    """A browser asks by the tag alone whether what it has kept still stands, page or JSON."""
    path = keep(service, register(service), OBJECT)
    log_in(page, then=path)
    expect(answer(page)).to_contain_text('"kind": "book"')
    fetched = """path => fetch(path, {headers: {Accept: "application/json"}})
        .then(answer => answer.text().then(text => [answer.headers.get("Content-Type"), text]))"""
    for _ in range(2):
        media_type, text = page.evaluate(fetched, path)
        assert media_type == "application/json"
        assert json.loads(text)["template"] == OBJECT
        # And the other way round: the page, after its JSON was read.
        page.goto(path)
        expect(answer(page)).to_contain_text("HTTP 200 OK")


@pytest.mark.long
def test_swagger_uis_try_it_out_shows_json_after_the_page_was_read(
    page: Page, service: Service
) -> None:
    path = keep(service, register(service), OBJECT)
    log_in(page, then=path)
    expect(answer(page)).to_contain_text('"kind": "book"')
    page.goto("/api/v1/docs")
    operation = page.locator("#operations-templates-get_template")
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("id").fill(path.rpartition("/")[2])
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table .response").first
    expect(shown).to_contain_text("book")
    expect(shown).not_to_contain_text("DOCTYPE")

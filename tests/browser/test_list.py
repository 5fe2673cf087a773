"""Finding one's way in a list, and in what somebody else changed meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import answer, delete, keep, log_in, press, register
from tests.processes import Service

pytestmark = pytest.mark.browser

LIST = "/api/v1/templates"


def show(page: Page) -> None:
    press(page, "Show")  # whose script names the field, and leaves out what is empty


def test_a_person_searches_filters_and_orders(page: Page, service: Service) -> None:
    token = register(service)
    for value in ("Dear Alice", "Dear Bob", {"author": "Orwell", "to": "Alice"}):
        keep(service, token, value)
    log_in(page, then=LIST)

    page.get_by_label("Search").fill("alice")
    page.get_by_label("Kind").select_option("text")
    page.get_by_label("First").select_option("oldest")
    show(page)
    expect(answer(page)).to_contain_text("Dear Alice")
    expect(answer(page)).not_to_contain_text("Dear Bob")
    expect(answer(page)).not_to_contain_text("Orwell")
    expect(page.get_by_label("Search")).to_have_value("alice")
    expect(page).to_have_url(re.compile(r"\?search=alice&kind=text&ordering=created_at&limit=20$"))

    page.get_by_role("link", name="Clear").click()
    expect(answer(page)).to_contain_text("Dear Bob")
    expect(page.get_by_label("Search")).to_have_value("")


@pytest.mark.long
def test_a_person_names_a_field_of_an_object(page: Page, service: Service) -> None:
    token = register(service)
    for author in ("Orwell", "Huxley"):
        keep(service, token, {"author": author})
    log_in(page, then=LIST)

    page.get_by_label("Field").fill("author")
    page.get_by_label("is", exact=True).fill("Huxley")
    show(page)
    expect(page).to_have_url(re.compile(r"template.author=Huxley"))
    expect(answer(page)).to_contain_text("Huxley")
    expect(answer(page)).not_to_contain_text("Orwell")
    expect(page.get_by_label("template.author")).to_have_value("Huxley")


@pytest.mark.long
def test_a_person_turns_the_pages(page: Page, service: Service) -> None:
    token = register(service)
    for number in range(5):
        keep(service, token, f"number {number}")
    log_in(page, then=f"{LIST}?limit=2")

    for numbers in ((4, 3), (2, 1), (0,)):
        for number in numbers:
            expect(answer(page)).to_contain_text(f"number {number}")
        if 0 not in numbers:
            page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    page.get_by_role("link", name="Previous page").click()
    expect(answer(page)).to_contain_text("number 2")


@pytest.mark.long
def test_what_is_wrong_in_the_form_is_said_above_it(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then=LIST)
    page.get_by_label("Created after").fill("yesterday")
    show(page)
    expect(page.get_by_role("alert")).to_contain_text("Created after: Give a time")
    expect(page.get_by_label("Created after")).to_have_value("yesterday")


@pytest.mark.long
def test_the_form_works_without_scripts(page: Page, service: Service) -> None:
    token = register(service)
    for value in ("Dear Alice", "Dear Bob"):
        keep(service, token, value)
    log_in(page, then=LIST)
    bare = page.context.browser.new_context(  # type: ignore[union-attr]
        java_script_enabled=False, storage_state=page.context.storage_state()
    ).new_page()
    bare.goto(page.url)
    bare.get_by_label("Search").fill("bob")
    bare.get_by_role("button", name="Show").click()
    expect(answer(bare)).to_contain_text("Dear Bob")
    expect(answer(bare)).not_to_contain_text("Dear Alice")
    bare.context.close()


@pytest.mark.long
def test_a_page_shows_the_version_and_the_entity_tag(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    etag = service.get(path, token).headers["ETag"]
    log_in(page, then=path)
    expect(page.get_by_text(f"Version 1, entity tag {etag}")).to_be_visible()


def test_a_change_of_what_somebody_else_changed_is_refused_and_kept(
    page: Page, service: Service
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in(page, then=path)
    assert service.request("PUT", path, {"template": "Hello"}, token).status == 200

    page.get_by_label("Template", exact=True).fill("Dearest {name}")
    press(page, "PUT")
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this since you opened it")
    expect(page.get_by_label("Template", exact=True)).to_have_value("Dearest {name}")
    assert service.get(path, token).json["template"] == "Hello"

    press(page, "PUT")
    expect(answer(page)).to_contain_text("HTTP 200 OK")
    assert service.get(path, token).json["template"] == "Dearest {name}"


@pytest.mark.long
def test_a_change_of_what_somebody_else_deleted_is_kept_to_be_copied(
    page: Page, service: Service
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in(page, then=path)
    assert service.request("DELETE", path, None, token).status == 204

    page.get_by_label("Template", exact=True).fill("Dearest {name}")
    press(page, "PUT")
    expect(page.get_by_role("alert")).to_contain_text("This no longer exists")
    expect(page.get_by_label("Template", exact=True)).to_have_value("Dearest {name}")
    assert service.get(path, token).status == 404


@pytest.mark.long
def test_json_is_kept_as_well(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, {"author": "Orwell"})
    log_in(page, then=path)
    assert service.request("PUT", path, {"template": {"year": 1949}}, token).status == 200

    page.get_by_label("Content:").fill('{"template": {"author": "Huxley"}}')  # the only form
    press(page, "PUT")
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this")
    expect(page.get_by_label("Content:")).to_have_value(re.compile("Huxley"))


@pytest.mark.long
def test_what_somebody_else_changed_is_not_deleted(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in(page, then=path)
    assert service.request("PUT", path, {"template": "Hello"}, token).status == 200

    delete(page, "Delete")
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this")
    assert service.get(path, token).status == 200


def test_the_two_boxes_for_a_field_stand_beside_each_other(page: Page, service: Service) -> None:
    register(service)
    log_in(page, then="/api/v1/templates")
    boxes = [page.get_by_label(label, exact=True) for label in ("Field", "is")]
    for box in boxes:
        expect(box).to_be_visible()  # one that is not laid out yet has no place
    name, value = (box.bounding_box() for box in boxes)
    assert name
    assert value
    assert name["y"] == value["y"]

"""What pages need scripts for: a session that ended while somebody typed, and files."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.documents import User
from tests.browser.people import answer, keep, log_in, press, raw_data, register
from tests.processes import Service

pytestmark = pytest.mark.browser

LIST = "/api/v1/templates"


@pytest.mark.parametrize("button", ["POST", "PUT", "POST raw data"])
def test_who_logs_in_again_in_another_tab_presses_the_button_again(
    page: Page, service: Service, button: str
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in(page, then=path if button == "PUT" else LIST)
    user = User.named("alice")
    assert user
    user.end_sessions()
    if button == "POST raw data":
        raw_data(page).fill('{"template": "Dearest {name}"}')
    else:
        page.get_by_label("Template", exact=True).fill("Dearest {name}")
    press(page, button)
    expect(page.get_by_role("alert").first).to_contain_text("You are no longer logged in")
    other = page.context.new_page()
    log_in(other, then=LIST)
    expect(answer(other)).to_contain_text("HTTP 200 OK")
    press(page, button)
    expect(page.get_by_role("status")).to_contain_text("The template was")
    expect(answer(page)).to_contain_text("Dearest {name}")


def test_json_with_a_typing_error_is_corrected_where_it_stands(
    page: Page, service: Service
) -> None:
    register(service)
    log_in(page, then=LIST)
    raw_data(page).fill('{"template": "Dear {name}",}')
    press(page, "POST raw data")
    box = page.get_by_label("Content:")
    expect(box).to_have_accessible_description(re.compile("^The body is not valid JSON"))
    box.fill(box.input_value().replace(",}", "}"))
    press(page, "POST raw data")
    expect(page.get_by_role("status")).to_contain_text("The template was created.")


def test_an_export_is_imported_from_its_file(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, "Zoë, {name}")
    lines = service.get(f"{LIST}/export", token).text.encode()
    service.request("DELETE", path, None, token)
    log_in(page, then=f"{LIST}/import")
    file = {"name": "templates.ndjson", "mimeType": "application/x-ndjson", "buffer": lines}
    page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    press(page, "Import")
    expect(answer(page)).to_contain_text('"created": 1')
    assert service.get(path, token).json["template"] == "Zoë, {name}"


def test_an_import_replaces_what_is_there_if_that_is_chosen(page: Page, service: Service) -> None:
    token = register(service)
    path = keep(service, token, "As it was")
    lines = service.get(f"{LIST}/export", token).text.encode()
    service.request("PUT", path, {"template": "As it is"}, token)
    log_in(page, then=f"{LIST}/import")
    file = {"name": "templates.ndjson", "mimeType": "application/x-ndjson", "buffer": lines}
    for choice, result, value in (
        ("keep what is there", '"skipped": 1', "As it is"),
        ("replace it by what is in the file", '"replaced": 1', "As it was"),
    ):
        page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
        page.get_by_label("If it exists already").select_option(label=choice)
        press(page, "Import")
        expect(answer(page)).to_contain_text(result)
        assert service.get(path, token).json["template"] == value

"""Swagger UI, served from this machine alone."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import PASSWORD, keep, register
from tests.processes import Service

pytestmark = pytest.mark.browser


def try_out(page: Page, method: str, path: str, body: object = None) -> Locator:
    """Open an operation, send it, and return where its answer is shown."""
    operation = page.locator(".opblock").filter(
        has=page.locator(f'[data-path="{path}"]'), has_text=method
    )
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    if body is not None:
        operation.locator("textarea.body-param__text").fill(json.dumps(body))
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table .response")


@pytest.mark.long
def test_try_it_out_logs_in_and_lists_templates_with_the_token(
    page: Page, service: Service
) -> None:
    keep(service, register(service), "Dear {name}")
    page.goto("/api/v1/docs")
    credentials = {"username": "alice", "password": PASSWORD}
    answered = try_out(page, "POST", "/api/v1/login", credentials)
    expect(answered).to_contain_text("200")
    token = json.loads(answered.locator("pre").first.inner_text())["access_token"]

    page.get_by_role("button", name="Authorize", exact=True).click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_label("auth-bearer-value").fill(token)
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").last.click()

    answered = try_out(page, "GET", "/api/v1/templates")
    expect(answered).to_contain_text("Dear {name}")


@pytest.mark.long
def test_try_it_out_without_a_token_is_refused(page: Page, service: Service) -> None:
    page.goto("/api/v1/docs")
    answered = try_out(page, "GET", "/api/v1/templates")
    expect(answered).to_contain_text("not_authenticated")


def test_the_docs_are_dark_where_the_system_is(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/api/v1/docs")
    expect(page.locator("html")).to_have_class("dark-mode")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).not_to_have_class("dark-mode")


@pytest.mark.long
def test_all_that_the_docs_load_is_the_services_own(page: Page, service: Service) -> None:
    asked: dict[str, int] = {}
    page.on("response", lambda response: asked.update({response.url: response.status}))
    page.goto("/api/v1/docs", wait_until="networkidle")
    expect(page.get_by_role("heading", name="Templates").first).to_be_visible()
    own = f"http://127.0.0.1:{service.port}/"
    assert [url for url in asked if not url.startswith((own, "data:"))] == []
    assert set(asked.values()) == {200}
    assert f"{own}api/v1/schema" in asked

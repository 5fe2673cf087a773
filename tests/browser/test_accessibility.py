"""Pages that everybody can use: axe finds nothing serious, in both themes, on phone and desk."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.accounts.operators import PASSWORD, operator
from tests.browser import axe
from tests.browser.people import log_in_as_operator

pytestmark = pytest.mark.browser


def test_axe_notices_a_field_without_a_name(page: Page) -> None:
    page.goto("/admin/login")
    page.evaluate("document.querySelector('label').remove()")
    found = axe.faults(page)
    assert len(found) == len(axe.THEMES) * len(axe.WIDTHS)
    assert all("label at #id_username" in fault for fault in found)


def test_the_operators_log_in_page(page: Page) -> None:
    page.goto("/admin/login")
    assert axe.faults(page) == []


@pytest.mark.parametrize("path", ["/admin/"])
def test_an_operators_page(page: Page, path: str) -> None:
    log_in_as_operator(page, operator("root").username, PASSWORD)
    page.goto(path)
    assert axe.faults(page) == []

"""Take the pictures of the operators' pages in docs/admin/; ``make screenshots`` calls this."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS, UNLIMITED, chromium_path
from tests.browser.people import admin, keep, log_in_as_operator
from tests.processes import KEY, ROOT, MongoServer, Service, manage

PICTURES = ROOT / "docs" / "admin"
PASSWORD = {"DJANGO_SUPERUSER_PASSWORD": "wonderland-1"}
PEOPLE = ("ada", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")
TEMPLATES = (
    "Dear {name},\n\nthank you for your letter of {date}.",
    {"kind": "book", "title": "Nineteen Eighty-Four", "author": "Orwell", "year": 1949},
    {"kind": "bike", "gears": 21, "colour": "green"},
)


def populate(service: Service) -> None:
    """Have people register, and keep something."""
    for name in PEOPLE:
        token = service.log_in(name)
        for template in TEMPLATES:
            keep(service, token, template)
    token = service.log_in("judy")
    for template in TEMPLATES:
        service.request("DELETE", keep(service, token, template), token=token)
    for _ in range(3):
        service.post("/api/v1/login", {"username": "bob", "password": "a wrong one"})


def visit(page: Page) -> Iterator[str]:
    """Go from page to page; yield each one's name when it is to be taken."""
    page.goto("/admin/login")
    yield "login"
    log_in_as_operator(page, "root")
    yield "index"
    page.goto(admin("user"))
    yield "users"
    page.get_by_role("link", name="alice", exact=True).click()
    yield "user"
    page.get_by_role("link", name="Deactivate", exact=True).click()
    yield "deactivate"
    page.goto(admin("user") + "/add")
    yield "add"
    page.goto(admin("session"))
    yield "sessions"
    page.locator("#result_list tbody a").first.click()
    yield "session"
    page.goto(admin("template"))
    yield "templates"
    page.get_by_role("link", name="Dear {name}").first.click()
    yield "template"
    page.get_by_label("Template:").fill("Dear {name},\n\nthank you.")
    page.get_by_label("Reason:").fill("She asked for it.")
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Template:").fill("Dear {name},\n\nmany thanks.")
    other.get_by_label("Reason:").fill("He asked for it.")
    other.get_by_role("button", name="Save").click()
    other.close()
    page.bring_to_front()  # a tab that is hidden has no picture
    page.get_by_role("button", name="Save").click()
    yield "conflict"
    page.get_by_role("link", name="History").click()
    yield "history"
    page.get_by_role("link", name="Version 1 was replaced.").click()
    yield "version"
    page.goto(admin("deletedtemplate"))
    yield "deleted"
    page.goto(admin("auditentry"))
    yield "audit"
    page.locator("#result_list tbody a").first.click()
    yield "entry"
    page.goto("/admin/health")
    yield "health"


def main() -> int:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, MongoServer(Path(folder) / "store") as server:
        settings = {"MONGODB_URI": server.uri, "SECRET_KEY": KEY}
        manage("ensureindexes", **settings)
        manage("createsuperuser", "--username", "root", "--noinput", **settings, **PASSWORD)
        with Service(Path(folder) / "log", **settings, **UNLIMITED) as service:
            populate(service)
            take(f"http://127.0.0.1:{service.port}")
    return 0


def take(origin: str) -> None:
    """Take each page in light and in dark."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        for scheme in ("light", "dark"):
            size = {"width": 1240, "height": 660}
            context = browser.new_context(base_url=origin, color_scheme=scheme, viewport=size)
            page = context.new_page()
            for name in visit(page):
                page.screenshot(path=PICTURES / f"{name}-{scheme}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    sys.exit(main())

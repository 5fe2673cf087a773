"""A real service and a headless Chromium, whose user notices everything that goes wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Response,
    expect,
    sync_playwright,
)

from templatesvc import store
from tests.processes import Service

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # which a container can't give
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
UNLIMITED = {
    "LOGIN_LIMIT_PER_USER": "off",
    "LOGIN_LIMIT_PER_ADDRESS": "off",
    "REGISTRATION_LIMIT": "off",
}
PATIENCE = 20_000  # milliseconds, for what should take 100: a slow machine must not fail a test

expect.set_options(timeout=PATIENCE)


def chromium_path(playwright: Playwright) -> str | None:
    """Return an installed Chromium, or else Playwright's own if it was downloaded, or None."""
    installed = next(filter(None, map(shutil.which, CHROMIUM)), None)
    own = playwright.chromium.executable_path
    return installed or (own if Path(own).exists() else None)


def do_without_chromium() -> None:
    reason = "NO CHROMIUM FOUND: THE BROWSER TESTS DO NOT RUN. Install chromium."
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


# Not of the session: Playwright keeps an event loop running in this thread as long as it lives.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = chromium_path(playwright)
        if path is None:
            do_without_chromium()
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if store.is_in_memory(settings.MONGODB_URI):
        pytest.skip("needs a MongoDB server: set TESTS_STORE")
    log = tmp_path_factory.mktemp("browser") / "service.log"
    uri = settings.MONGODB_URI
    with Service(log, MONGODB_URI=uri, WEB_CONCURRENCY="1", **UNLIMITED) as service:
        yield service


class Complaints(list[str]):
    """What a browser found wrong."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin

    def hear_console(self, message: ConsoleMessage) -> None:
        # The console also has a line for each status of 400 and more: hear_response judges those.
        expected = message.text.startswith("Failed to load resource: the server responded")
        if message.type in ("error", "warning") and not expected:
            self.append(f"{message.type} in the console: {message.text}")

    def hear_request(self, url: str) -> None:
        if not url.startswith((f"{self.origin}/", "data:", "blob:")):
            self.append(f"a request left for {url}")

    def hear_response(self, response: Response) -> None:
        is_asked_for = response.request.resource_type in ("document", "xhr", "fetch")
        if response.status >= 500 or (response.status >= 400 and not is_asked_for):
            self.append(f"{response.status} for {response.url}")


@pytest.fixture
def page(chromium: Browser, service: Service) -> Iterator[Page]:
    """A page of a browser that has never been here; the test fails if it finds anything wrong."""
    complaints = Complaints(f"http://127.0.0.1:{service.port}")
    context = chromium.new_context(base_url=complaints.origin)
    context.set_default_timeout(PATIENCE)
    context.on("console", complaints.hear_console)
    context.on("weberror", lambda error: complaints.append(f"a script failed: {error.error}"))
    context.on("request", lambda request: complaints.hear_request(request.url))
    context.on("response", complaints.hear_response)
    context.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    yield context.new_page()
    context.close()
    assert complaints == []

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
    Response,
    expect,
    sync_playwright,
)

from templatesvc.mongo import store
from tests.processes import Service

# The first of these takes half the processor time of the others.
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
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
PATIENCE = 100_000  # milliseconds, for what should take 100: a slow machine must not fail a test

LEFT_OUT = pytest.StashKey[int]()

expect.set_options(timeout=PATIENCE)


def chromium_path() -> str | None:
    """Return an installed Chromium, or else Playwright's own if it was downloaded, or None."""
    if installed := next(filter(None, map(shutil.which, CHROMIUM)), None):
        return installed
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@pytest.hookimpl(trylast=True)  # after the markers that a person asks for have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out, and say so once, where there is no browser; not in CI."""
    browser_tests = [item for item in items if item.get_closest_marker("browser")]
    is_ci = os.environ.get("CI", "").lower() in ("1", "true")
    if browser_tests and not is_ci and chromium_path() is None:
        items[:] = [item for item in items if item not in browser_tests]
        config.hook.pytest_deselected(items=browser_tests)
        config.stash[LEFT_OUT] = len(browser_tests)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(
            f"NO CHROMIUM FOUND: {left_out} BROWSER TESTS WERE SKIPPED. Install chromium.", red=True
        )


# Not of the session: Playwright keeps an event loop running in this thread as long as it lives.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.fail("No Chromium was found, and in CI the browser tests must run.")
    with sync_playwright() as playwright:
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

"""A person and Swagger UI on a service under a path, behind proxies that strip it or do not."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.conftest import UNLIMITED
from tests.browser.people import PASSWORD, answer, log_out, press
from tests.browser.test_docs import try_out
from tests.processes import Service

pytestmark = [pytest.mark.browser, pytest.mark.long]

PREFIX = "/shop/templates"


class StrippingProxy(ThreadingHTTPServer):
    """Hands on what begins with the prefix, without it, and says so in X-Forwarded-Prefix."""

    daemon_threads = True

    def __init__(self, service_port: int) -> None:
        self.service_port = service_port
        super().__init__(("127.0.0.1", 0), Hop)


class Hop(BaseHTTPRequestHandler):
    server: StrippingProxy

    def pass_on(self) -> None:
        if not self.path.startswith(PREFIX):
            self.send_error(404, "There is nothing outside the prefix.")
            return
        service = http.client.HTTPConnection("127.0.0.1", self.server.service_port)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        headers["X-Forwarded-Prefix"] = PREFIX
        service.request(self.command, self.path.removeprefix(PREFIX) or "/", body, headers)
        response = service.getresponse()
        content = response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        service.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module", params=["the path whole", "the path stripped"])
def service(
    request: pytest.FixtureRequest, _store: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service, whose port is that of the proxy if there is one."""
    is_whole = request.param == "the path whole"
    proxy = {"SCRIPT_NAME": PREFIX} if is_whole else {"TRUSTED_PROXIES": "127.0.0.1"}
    log = tmp_path_factory.mktemp("prefix") / "service.log"
    given = {"MONGODB_URI": settings.MONGODB_URI, "WEB_CONCURRENCY": "1", **UNLIMITED, **proxy}
    running = Service(log, **given)
    running.answers_at = f"{PREFIX}/livez" if is_whole else "/livez"
    with running as service:
        if is_whole:
            yield service
            return
        with StrippingProxy(service.port) as hop:
            threading.Thread(target=hop.serve_forever, daemon=True).start()
            service.port = hop.server_address[1]
            yield service
            hop.shutdown()


@pytest.fixture(autouse=True)
def alice(service: Service) -> None:
    body = {"username": "alice", "password": PASSWORD}
    assert service.post(f"{PREFIX}/api/v1/users", body).status == 201


def test_a_person_logs_in_creates_a_template_follows_it_and_logs_out(page: Page) -> None:
    page.goto(f"{PREFIX}/api/v1/")
    page.get_by_role("link", name="Log in", exact=True).click()
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{PREFIX}/api/v1/")
    paths = {cookie["path"] for cookie in page.context.cookies()}
    assert paths == {PREFIX}

    answer(page).get_by_role("link", name=f"{PREFIX}/api/v1/templates", exact=False).first.click()
    page.get_by_label("Template", exact=True).fill("Dear {name}")
    press(page, "POST")
    expect(answer(page)).to_contain_text("HTTP 201 Created")
    answer(page).get_by_role("link").first.click()
    expect(answer(page)).to_contain_text("HTTP 200 OK")
    expect(answer(page)).to_contain_text("Dear {name}")
    assert f"{PREFIX}/api/v1/templates/" in page.url
    log_out(page)
    expect(page.get_by_role("link", name="Log in", exact=True)).to_be_visible()
    assert [cookie["name"] for cookie in page.context.cookies()] == ["csrftoken"]


def test_try_it_out_sends_to_the_prefix(page: Page) -> None:
    page.goto(f"{PREFIX}/api/v1/docs")
    answered = try_out(page, "POST", "/api/v1/login", {"username": "alice", "password": PASSWORD})
    expect(answered).to_contain_text("200")
    assert "access_token" in json.loads(answered.locator("pre").first.inner_text())
    refused = try_out(page, "GET", "/api/v1/templates")
    expect(refused).to_contain_text(f"{PREFIX}/problems/not_authenticated")

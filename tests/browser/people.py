"""What people do in a browser, by what they read on the page."""

from __future__ import annotations

from contextlib import suppress

from playwright.sync_api import Error, Locator, Page, expect

from tests.processes import Service, wait_for

PASSWORD = "wonderland-1"


def register(service: Service, name: str = "alice", password: str = PASSWORD) -> str:
    """Register somebody; return their access token."""
    return service.log_in(name, password)


def keep(service: Service, token: str, template: object) -> str:
    """Create a template over HTTP; return its path."""
    answer = service.post("/api/v1/templates", {"template": template}, token)
    assert answer.status == 201
    return f"/api/v1/templates/{answer.json['id']}"


def wait_for_scripts(page: Page) -> None:
    """Wait until the page does what it should on a click; a key pressed before would be lost."""
    ready = (
        "document.readyState === 'complete' && "
        "(!!window.jQuery?.fn.modal || !document.querySelector('script[src*=bootstrap]'))"
    )

    def is_ready() -> bool:
        # Not by Playwright's wait_for_function: it uses eval, which the page's policy forbids.
        with suppress(Error):  # between two pages there is none to ask
            return bool(page.evaluate(ready))
        return False

    wait_for(is_ready, "the scripts of the page are there")


def log_in(page: Page, name: str = "alice", password: str = PASSWORD, then: str = "") -> None:
    """Fill in the log-in page and send it."""
    page.goto("/api-auth/login" + (f"?next={then}" if then else ""))
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page, name: str = "alice") -> None:
    expect(menu(page, name)).to_be_visible()
    page.get_by_role("button", name="Log out", exact=True).click()


def menu(page: Page, name: str) -> Locator:
    """Return the link in the corner to the account of somebody who is logged in."""
    return page.get_by_role("banner").get_by_role("link", name=name, exact=True)


def answer(page: Page) -> Locator:
    """Return the box with the answer's status, headers and body."""
    return page.get_by_label("response info")


def press(page: Page, button: str) -> None:
    wait_for_scripts(page)
    page.get_by_role("button", name=button, exact=True).click()


def delete(page: Page, answer: str) -> None:
    """Press DELETE, and give this answer in the dialog."""
    press(page, "DELETE")
    page.get_by_role("dialog").get_by_role("button", name=answer).click()


def raw_data(page: Page) -> Locator:
    """Open the form for JSON; return its box."""
    page.get_by_text("Raw data", exact=True).click()
    return page.get_by_label("Content:")


def admin(model: str, app: str = "") -> str:
    """Return the path of a list of the operators'."""
    app = app or ("templates_app" if model.endswith("template") else "accounts")
    return f"/admin/{app}/{model}"


def log_in_as_operator(page: Page, name: str = "root", password: str = PASSWORD) -> None:
    """Log in at the operators' site, on whose log-in page the browser may be already."""
    if "/admin/login" not in page.url:
        page.goto("/admin/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")

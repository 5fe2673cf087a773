"""What operators come for, from their first page on, by pointer and by keyboard alone.

A task may not take more pages and clicks than the table says, as in ``test_tasks``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.documents import User
from tests.accounts.operators import PASSWORD, operator
from tests.browser.hands import Hand, Keys
from tests.browser.people import PASSWORD as ALICES_PASSWORD
from tests.browser.people import keep, log_in_as_operator, register
from tests.processes import Service

pytestmark = pytest.mark.browser

NEW_PASSWORD = "through-the-looking-glass"


class Root(NamedTuple):
    """An operator on the first page; ``token`` and ``path`` are alice's and her template's."""

    hand: Hand
    service: Service
    token: str
    path: str

    @property
    def page(self) -> Page:
        return self.hand.page

    @property
    def content(self) -> Locator:
        return self.page.locator("#content")

    def go_to(self, name: str) -> None:
        """Go to a list, by the list of lists on the first page."""
        self.hand.act_on(self.content.locator("th").get_by_role("link", name=name, exact=True))

    def open(self, name: str) -> None:
        """Go to the page of what a row of the list is about."""
        rows = self.page.locator("#result_list tbody th")
        self.hand.act_on(rows.get_by_role("link", name=name, exact=True))

    def use(self, name: str) -> None:
        """Follow one of the links that look like buttons, above a page."""
        tools = self.page.locator(".object-tools")
        self.hand.act_on(tools.get_by_role("link", name=name, exact=True))

    def go_to_alice(self) -> None:
        self.go_to("Users")
        self.open("alice")

    def go_to_template(self) -> None:
        self.go_to("Templates")
        self.open("Dear {name}")

    def download(self, act: Callable[[], None]) -> str:
        """Return what is in the file that an act downloads."""
        with self.page.expect_download() as download:
            act()
        return download.value.path().read_text()

    def told(self, text: str) -> None:
        expect(self.page.locator(".messagelist")).to_contain_text(text)

    def kept(self) -> object:
        return self.service.get(self.path, self.token).json["template"]

    def alices_status(self) -> int:
        return self.service.get("/api/v1/users/me", self.token).status

    def log_in_of_alice(self, password: str) -> int:
        body = {"username": "alice", "password": password}
        return self.service.post("/api/v1/login", body).status


def find(root: Root) -> None:
    root.go_to("Users")
    root.hand.fill("Search:", "LIC")
    root.hand.press("Search")
    expect(root.page.locator(".paginator")).to_contain_text("1 user")
    root.open("alice")
    expect(root.content).to_contain_text("documents: 1 of at most")


def deactivate(root: Root) -> None:
    root.go_to_alice()
    root.use("Deactivate")
    root.hand.press("Deactivate")
    root.told("“alice” was deactivated.")
    assert root.alices_status() == 401


def end_a_session(root: Root) -> None:
    root.go_to_alice()
    root.use("Sessions")
    root.hand.act_on(root.page.locator("#result_list tbody th a"))
    root.use("End session")
    root.hand.press("End session")
    root.told("The session of “alice")
    assert root.alices_status() == 401
    assert root.log_in_of_alice(ALICES_PASSWORD) == 200


def appoint(root: Root) -> None:
    root.go_to_alice()
    root.use("Change role")
    root.hand.choose("Role:", "staff: can view and change")
    root.hand.press("Change role")
    root.told("Role of “alice” changed: none → staff.")
    alice = User.named("alice")
    assert alice and alice.role == "staff"


def set_a_password(root: Root) -> None:
    root.go_to_alice()
    root.use("Set password")
    root.hand.fill("Password:", NEW_PASSWORD)
    root.hand.press("Set password")
    root.told("“alice” has a new password.")
    assert root.log_in_of_alice(NEW_PASSWORD) == 200


def force_a_change_of_password(root: Root) -> None:
    root.go_to_alice()
    root.use("Force password change")
    root.hand.press("Force password change")
    root.told("“alice” must change the password at the next log-in.")
    alice = User.named("alice")
    assert alice and alice.must_change_password


def edit_a_template(root: Root) -> None:
    root.go_to_template()
    expect(root.page.get_by_label("Template:")).to_have_value("Dear {name}")
    root.hand.fill("Template:", "Dearest {name}")
    root.hand.fill("Reason:", "She asked for it.")
    root.hand.press("Save")
    root.told("was changed to “Dearest {name}”.")
    assert root.kept() == "Dearest {name}"


def edit_while_the_owner_does(root: Root) -> None:
    root.go_to_template()
    root.service.request("PUT", root.path, {"template": "Hello"}, root.token)
    root.hand.fill("Template:", "Dearest {name}")
    root.hand.fill("Reason:", "She asked for it.")
    root.hand.press("Save")
    expect(root.page.get_by_role("alert")).to_contain_text("alice, the owner, saved")
    expect(root.page.locator(".conflict")).to_contain_text("Hello")
    assert root.kept() == "Hello"
    root.hand.press("Save")
    root.told("was changed to “Dearest {name}”.")
    assert root.kept() == "Dearest {name}"


def restore_what_was_deleted(root: Root) -> None:
    root.service.request("DELETE", root.path, None, root.token)
    root.go_to("Deleted templates")
    root.open("Dear {name}")
    root.use("Restore")
    root.hand.fill("Reason:", "She asked for it.")
    root.hand.press("Restore")
    root.told("“Dear {name}” was restored.")
    assert root.kept() == "Dear {name}"


def restore_a_version(root: Root) -> None:
    root.service.request("PUT", root.path, {"template": "Hello"}, root.token)
    root.go_to("Templates")
    root.open("Hello")
    root.use("History")
    root.hand.follow("Version 1 was replaced.")
    root.hand.fill("Reason:", "She asked for it.")
    root.hand.press("Restore version 1")
    root.told("Version 1 of “Hello” was restored.")
    assert root.kept() == "Dear {name}"


def export(root: Root) -> None:
    root.go_to_alice()
    root.use("Export")
    file = root.download(lambda: root.hand.press("Export"))
    assert json.loads(file)["user"]["username"] == "alice"
    assert "Dear {name}" in file


def erase(root: Root) -> None:
    root.go_to_alice()
    root.use("Erase")
    expect(root.content).to_contain_text("1 template")
    root.hand.fill("Type the name to confirm:", "alice")
    root.hand.press("Erase")
    root.told("“alice” was erased.")
    assert root.alices_status() == 401


def search_the_audit(root: Root) -> None:
    root.go_to("Audit entries")
    root.hand.fill("Search:", "LIC")
    root.hand.press("Search")
    rows = root.page.locator("#result_list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("Registered.")


def export_the_audit(root: Root) -> None:
    root.go_to("Audit entries")
    root.hand.fill("user", "alice")
    root.hand.press("Filter")
    lines = root.download(lambda: root.use("Export")).splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["registered", "logged_in"]


def read_the_dashboard(root: Root) -> None:
    expect(root.content).to_contain_text("Registrations: 1")
    root.hand.follow("0 failed log-ins today")
    expect(root.page.locator(".paginator")).to_contain_text("0 audit entries")


# Pages that are loaded after the first one, redirects and files included, and clicks.
AT_MOST: dict[Callable[[Root], None], tuple[int, int]] = {
    find: (3, 4),
    deactivate: (5, 4),
    end_a_session: (7, 6),
    appoint: (5, 6),
    set_a_password: (5, 5),
    force_a_change_of_password: (5, 4),
    edit_a_template: (4, 5),
    edit_while_the_owner_does: (5, 6),
    restore_what_was_deleted: (5, 5),
    restore_a_version: (6, 6),
    export: (4, 4),
    erase: (5, 5),
    search_the_audit: (2, 3),
    export_the_audit: (3, 4),
    read_the_dashboard: (1, 1),
}


@pytest.mark.parametrize("hand", [Hand, pytest.param(Keys, marks=pytest.mark.long)])
@pytest.mark.parametrize("task", AT_MOST, ids=lambda task: task.__name__)
def test_a_task(
    page: Page, service: Service, task: Callable[[Root], None], hand: type[Hand]
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in_as_operator(page, operator("root").username, PASSWORD)
    root = Root(hand(page), service, token, path)
    task(root)
    print(f"{task.__name__}: {root.hand.pages} pages, {root.hand.acts} acts")
    root.hand.took_at_most(*AT_MOST[task])

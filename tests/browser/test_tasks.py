"""What people come for, from the first page on, by pointer and by keyboard alone.

A task may not take more pages and clicks than the table says. By keyboard it is the same pages, and
as many keys as there are places before the one that is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Hand, Keys
from tests.browser.people import PASSWORD, answer, keep, log_in, register
from tests.processes import Service

pytestmark = pytest.mark.browser

NEW_PASSWORD = "through-the-looking-glass"


class Alice(NamedTuple):
    """Alice, logged in and on the first page, with a template."""

    hand: Hand
    service: Service
    token: str
    path: str

    @property
    def page(self) -> Page:
        return self.hand.page

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.service.port}{path}"

    def go_to_list(self) -> None:
        self.hand.follow_in_answer(self.url("/api/v1/templates"))

    def go_to_template(self) -> None:
        self.go_to_list()
        self.hand.follow_in_answer(self.url(self.path))

    def kept(self) -> list[Any]:
        rows = self.service.get("/api/v1/templates", self.token).json["results"]
        return [row["template"] for row in rows]

    def told(self, text: str) -> None:
        expect(self.page.get_by_role("status")).to_contain_text(text)


def create_a_text(alice: Alice) -> None:
    alice.go_to_list()
    alice.hand.fill("Template", "Hello {name}")
    alice.hand.press("POST")
    alice.told("The template was created.")
    assert "Hello {name}" in alice.kept()


def create_an_object(alice: Alice) -> None:
    alice.go_to_list()
    alice.hand.open("Raw data")
    alice.hand.fill("Content:", '{"template": {"kind": "book"}}')
    alice.hand.press("POST raw data")
    alice.told("The template was created.")
    assert {"kind": "book"} in alice.kept()


def edit(alice: Alice) -> None:
    alice.go_to_template()
    alice.hand.fill("Template", "Dearest {name}")
    alice.hand.press("PUT")
    alice.told("The template was saved.")
    assert alice.kept() == ["Dearest {name}"]


def edit_what_somebody_else_changed(alice: Alice) -> None:
    alice.go_to_template()
    alice.service.request("PUT", alice.path, {"template": "Hello"}, alice.token)
    alice.hand.fill("Template", "Dearest {name}")
    alice.hand.press("PUT")
    expect(alice.page.get_by_role("alert")).to_contain_text("Somebody changed this")
    assert alice.kept() == ["Hello"]
    alice.hand.press("PUT")
    alice.told("The template was saved.")
    assert alice.kept() == ["Dearest {name}"]


def delete(alice: Alice) -> None:
    alice.go_to_template()
    alice.hand.press("DELETE")
    expect(alice.page.get_by_role("dialog")).to_contain_text("Delete this template?")
    alice.hand.press("Delete")
    alice.told("The template was deleted.")
    assert alice.kept() == []


def restore(alice: Alice) -> None:
    alice.service.request("DELETE", alice.path, None, alice.token)
    alice.go_to_list()
    alice.hand.follow("Deleted templates")
    alice.hand.press("Restore version 1: Dear {name}")
    alice.told("The template was restored.")
    assert alice.kept() == ["Dear {name}"]


def find(alice: Alice) -> None:
    keep(alice.service, alice.token, "Farewell")
    alice.go_to_list()
    alice.hand.fill("Search", "DEAR")
    alice.hand.press("Show")
    expect(answer(alice.page)).to_contain_text("Dear {name}")
    expect(answer(alice.page)).not_to_contain_text("Farewell")


def end_a_session(alice: Alice) -> None:
    rows = alice.service.get("/api/v1/sessions", alice.token).json["results"]
    alice.hand.follow("alice")
    alice.hand.follow("Your sessions")
    alice.hand.follow_in_answer(next(row["url"] for row in rows if row["current"]))
    alice.hand.press("DELETE")
    alice.hand.press("Delete")
    alice.told("The session was ended.")
    assert alice.service.get("/api/v1/sessions", alice.token).status == 401


def change_the_password(alice: Alice) -> None:
    alice.hand.follow("alice")
    alice.hand.follow("Change your password")
    alice.hand.fill("Current password", PASSWORD)
    alice.hand.fill("New password", NEW_PASSWORD)
    alice.hand.press("Change password")
    alice.told("Your password was changed.")
    body = {"username": "alice", "password": NEW_PASSWORD}
    assert alice.service.post("/api/v1/login", body).status == 200


def delete_the_account(alice: Alice) -> None:
    alice.hand.follow("alice")
    alice.hand.press("DELETE")
    expect(alice.page.get_by_role("dialog")).to_contain_text("all your templates")
    alice.hand.fill("Your password", PASSWORD)
    alice.hand.press("Delete")
    alice.told("Your account and everything in it were deleted.")
    expect(alice.page.get_by_role("link", name="Log in", exact=True)).to_be_visible()
    assert alice.service.get("/api/v1/users/me", alice.token).status == 401


# Pages that are loaded after the first one, and clicks.
AT_MOST: dict[Callable[[Alice], None], tuple[int, int]] = {
    create_a_text: (2, 3),
    create_an_object: (2, 4),
    edit: (3, 4),
    edit_what_somebody_else_changed: (4, 5),
    delete: (3, 4),
    restore: (3, 3),
    find: (2, 3),
    end_a_session: (4, 5),
    change_the_password: (3, 5),
    delete_the_account: (2, 4),
}


@pytest.mark.parametrize("hand", [Hand, pytest.param(Keys, marks=pytest.mark.long)])
@pytest.mark.parametrize("task", AT_MOST, ids=lambda task: task.__name__)
def test_a_task(
    page: Page, service: Service, task: Callable[[Alice], None], hand: type[Hand]
) -> None:
    token = register(service)
    path = keep(service, token, "Dear {name}")
    log_in(page, then="/api/v1/")
    alice = Alice(hand(page), service, token, path)
    task(alice)
    alice.hand.took_at_most(*AT_MOST[task])
    print(f"{task.__name__}: {alice.hand.pages} pages, {alice.hand.acts} acts")

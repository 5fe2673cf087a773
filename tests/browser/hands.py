"""Working on a page by pointer or by keyboard alone, and counting what it takes."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Request

from tests.browser.people import answer, wait_for_scripts

MOST_TABS = 200  # more than any page has places to go to


class Hand:
    """Somebody with a pointer; ``pages`` that were loaded, and ``acts``: clicks, boxes filled."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pages = self.acts = 0
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        # A form that is sent by a script gets its page in the place of the one that is there.
        self.pages += request.resource_type in ("document", "xhr")

    def follow(self, name: str) -> None:
        """Follow a link by its words."""
        self.act_on(self.page.get_by_role("link", name=name, exact=True))

    def follow_in_answer(self, url: str) -> None:
        self.act_on(answer(self.page).get_by_role("link", name=url, exact=True))

    def press(self, name: str) -> None:
        """Press a button, of the dialog if there is one."""
        dialog = self.page.get_by_role("dialog")
        within = dialog if dialog.is_visible() else self.page
        self.act_on(within.get_by_role("button", name=name, exact=True).first)

    def open(self, summary: str) -> None:
        self.act_on(self.page.get_by_text(summary, exact=True))

    def fill(self, label: str, text: str) -> None:
        """Put a text in the place of what is in a box."""
        box = self.page.get_by_label(label, exact=True)
        self.act_on(box)
        box.fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose one of the options in a box."""
        self.ready()
        self.acts += 2
        self.page.get_by_label(label, exact=True).select_option(label=option)

    def act_on(self, place: Locator) -> None:
        self.ready()
        self.acts += 1
        place.click()

    def ready(self) -> None:
        wait_for_scripts(self.page)

    def took_at_most(self, pages: int, clicks: int) -> None:
        assert self.pages <= pages
        assert self.acts <= clicks


class Keys(Hand):
    """Somebody with a keyboard alone; ``acts`` are keys pressed beside those of what is typed."""

    def took_at_most(self, pages: int, clicks: int) -> None:
        """Check the pages; how many keys stand for a click depends on the page."""
        assert self.pages <= pages

    def fill(self, label: str, text: str) -> None:
        self.ready()
        self._reach(self.page.get_by_label(label, exact=True))
        self._key("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def choose(self, label: str, option: str) -> None:
        self.ready()
        box = self.page.get_by_label(label, exact=True)
        self._reach(box)
        for _ in range(box.locator("option").count()):
            if box.evaluate("box => box.selectedOptions[0].text") == option:
                return
            self._key("ArrowDown")
        raise AssertionError(f"{label} has no option {option} below the one that is chosen.")

    def act_on(self, place: Locator) -> None:
        self.ready()
        self._reach(place)
        self._key("Enter")

    def _reach(self, place: Locator) -> None:
        """Go from place to place with Tab until it is this one."""
        place.wait_for()
        for _ in range(MOST_TABS):
            if place.evaluate("place => place === document.activeElement"):
                return
            self._key("Tab")
        raise AssertionError(f"Tab never leads to {place}.")

    def _key(self, key: str) -> None:
        self.acts += 1
        self.page.keyboard.press(key)

"""What axe, https://github.com/dequelabs/axe-core, finds wrong with a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = ("critical", "serious")
Look = tuple[str, int]  # a theme, and a width in pixels: that of a phone, or of a desk
PHONE, DESK = 390, 1280
LOOKS: list[Look] = [("light", PHONE), ("dark", DESK), ("dark", PHONE), ("light", DESK)]
HEIGHT = 800


def faults(page: Page, looks: Sequence[Look], impacts: Sequence[str] = SERIOUS) -> list[str]:
    """Return what is wrong with the page as it is now, in each of these looks, a line each."""
    return [f"{look}: {fault}" for look in shown(page, looks) for fault in _found(page, impacts)]


def shown(page: Page, looks: Sequence[Look]) -> Iterator[str]:
    """Have the page in each of these looks, and yield the name of the look."""
    for theme, width in looks:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        _settle(page)
        yield f"{theme}, {width} px"


def _settle(page: Page) -> None:
    """End what moves: a colour that is fading to another would be measured halfway."""
    page.evaluate(
        """document.getAnimations().forEach(each =>
            each.effect.getComputedTiming().endTime === Infinity ? each.cancel() : each.finish())"""
    )


def _found(page: Page, impacts: Sequence[str]) -> Iterator[str]:
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    for violation in violations:
        if violation["impact"] in impacts:
            for node in violation["nodes"]:
                yield f"{violation['id']} at {node['target'][-1]}: {node['html'][:200]}"
